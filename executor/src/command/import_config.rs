use std::io::Write as _;

use lakedr_control::dr_sync::{Imported, Places, import};

use super::context::{CommandError, Context};
use crate::cli::ImportConfigArgs;
use crate::exit::Exit;
use crate::hcl::configuration;
use crate::report::Format;

/// `lakedr import-config`: the configuration on stdout, what to know about it on stderr.
pub(super) fn run(context: &Context, args: &ImportConfigArgs) -> Result<Exit, CommandError> {
    let unreadable = |cause| CommandError::Unreadable { file: args.file.clone(), cause };
    let text = if args.file == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(unreadable)?
    } else {
        std::fs::read_to_string(&args.file).map_err(unreadable)?
    };
    let imported = import(&text, &places(args))?;
    if !context.global.quiet && context.global.output == Format::Text {
        let mut stderr = std::io::stderr().lock();
        for note in &imported.notes {
            // a closed stderr keeps nobody from the result
            let _ = writeln!(stderr, "{note}");
        }
    }
    let body = configuration(&imported.external_locations, &imported.sync_groups)
        .map_err(CommandError::Configuration)?;
    context.output.write(&imported, || body.to_string().trim_end().to_owned())?;
    Ok(exit(&imported))
}

fn places(args: &ImportConfigArgs) -> Places {
    Places {
        primary_region: args.primary_region.clone(),
        secondary_region: args.secondary_region.clone(),
        secondary_workspace: args.secondary_workspace.clone(),
    }
}

/// What breaks a rule is written all the same, to be mended by hand, but it is no success.
fn exit(imported: &Imported) -> Exit {
    if imported.violations.is_empty() { Exit::Ok } else { Exit::Usage }
}
