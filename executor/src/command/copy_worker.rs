use std::io::{self, BufRead as _, Write as _};

use futures::stream::{self, Stream};
use lakedr_control::group_log::FailureClass;
use tokio::sync::mpsc;

use super::context::{CommandError, Context};
use crate::cli::CopyWorkerArgs;
use crate::copy::{
    FileEnd, FileReceipt, ManifestError, Means, Transfer, copy_lines, parse_transfer, receipt_line,
};
use crate::error::{At as _, Failure, Stage};
use crate::exit::Exit;
use crate::pipeline::Scene;
use crate::spec::Sides;

/// Transfers that are read ahead.
const AHEAD: usize = 256;

/// `lakedr copy-worker`
pub(super) async fn run(context: &Context, args: CopyWorkerArgs) -> Result<Exit, CommandError> {
    let (sides, means) = ends(context, args).await?;
    let mut failed = false;
    let give = |receipt: FileReceipt| {
        failed |= matches!(receipt.end, FileEnd::Failed { .. });
        write(&receipt)
    };
    copy_lines(transfers(), &sides, &means, give).await?;
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

/// The credentials and the cap of the group that was named, else those of the environment.
async fn ends(context: &Context, args: CopyWorkerArgs) -> Result<(Sides, Means), CommandError> {
    let copying = &context.world.copying;
    if context.global.group.is_empty() {
        return Ok((Sides::of_environment(), copying.alone(args.max_bytes_per_second)));
    }
    if context.global.state.as_deref() == Some("-") {
        return Err(CommandError::StdinTwice);
    }
    let loaded = context.load().await?;
    let [(spec, group)] = loaded.groups.as_slice() else {
        return Err(CommandError::NeedsOneGroup { command: "copy-worker" });
    };
    let scene = Scene::open(&context.world, &loaded, spec, group).await?;
    let history = scene.log.read().await.at(Stage::Observe, &group.name)?;
    let cap = args.max_bytes_per_second.or(group.max_bytes_per_second);
    Ok((scene.sides(&history), copying.of_group(&group.name, cap)))
}

/// The lines of standard input. A thread of its own reads them: a read that waits for a line cannot be cut short, and
/// must hold up nothing.
fn transfers() -> impl Stream<Item = Result<Transfer, ManifestError>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        for (line, number) in io::stdin().lock().lines().zip(1..) {
            let transfer = match line {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) => parse_transfer(&line, number),
                Err(cause) => Err(cause.into()),
            };
            if sender.blocking_send(transfer).is_err() {
                return;
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
}

fn write(receipt: &FileReceipt) -> Result<(), Failure> {
    let closed = |cause: io::Error| Failure {
        stage: Stage::Copy,
        subject: "stdout".to_owned(),
        class: FailureClass::Internal,
        retryable: false,
        cause: Box::new(cause),
    };
    let line = receipt_line(receipt).map_err(|cause| closed(cause.into()))?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()).map_err(closed)
}
