mod metadata_table;

use std::collections::BTreeMap;

use lakedr_control::codec::{Document, Writer};
use lakedr_control::spec::{ExternalLocationSpec, SnapshotScheduleSpec, Spec, SyncGroupSpec};
use lakedr_control::store::{ControlStore, ControlStoreError, Written, open_doc_store};
use lakedr_control::tfstate::StateSpecs;
use lakedr_control::validate::{Specs, sync_group};
use lakedr_control::vault::Secrets;
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::cli::StateCommand;

use crate::exit::Exit;
use crate::pipeline::Scene;
use crate::spec::{Difference, LoadError, Loaded, read, read_state};

/// `lakedr state …`
pub(super) async fn run(context: &Context, command: StateCommand) -> Result<Exit, CommandError> {
    match command {
        StateCommand::Show => show(context).await,
        StateCommand::Drift => drift(context).await,
        StateCommand::Rebuild { metadata_table: true, .. } => metadata_table::run(context).await,
        StateCommand::Rebuild { overwrite, .. } => rebuild(context, overwrite).await,
    }
}

async fn show(context: &Context) -> Result<Exit, CommandError> {
    let specs = read(&context.source()?).await?;
    let document = serde_json::json!({
        "external_locations": specs.external_locations,
        "sync_groups": specs.sync_groups,
        "snapshot_schedules": specs.snapshot_schedules,
    });
    context.output.write(&document, || format!("{document:#}"))?;
    Ok(Exit::Ok)
}

/// Both sides of a comparison.
async fn both(context: &Context, verb: &'static str) -> Result<(StateSpecs, ControlStore), CommandError> {
    let (Some(file), Some(url)) = (&context.global.state, context.control_url()?) else {
        return Err(CommandError::NeedsBoth { verb });
    };
    let store = open_doc_store(&url, &BTreeMap::new()).map_err(LoadError::from)?;
    Ok((read_state(file).await?, ControlStore::new(store)))
}

#[derive(Serialize)]
struct Drift {
    differences: Vec<Difference>,
}

async fn drift(context: &Context) -> Result<Exit, CommandError> {
    let (state, control) = both(context, "drift").await?;
    let mut differences = Vec::new();
    compare::<ExternalLocationSpec>(&state.specs.external_locations, &control, &mut differences).await?;
    compare::<SyncGroupSpec>(&state.specs.sync_groups, &control, &mut differences).await?;
    compare::<SnapshotScheduleSpec>(&state.specs.snapshot_schedules, &control, &mut differences).await?;
    against_logs(context, &state.specs, &mut differences).await?;
    let document = Drift { differences };
    context.output.write(&document, || drift_text(&document.differences))?;
    Ok(if document.differences.is_empty() { Exit::Ok } else { Exit::Usage })
}

fn drift_text(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "no drift: Terraform state, control store and group logs say the same".to_owned();
    }
    differences.iter().map(Difference::to_string).collect::<Vec<_>>().join("\n")
}

async fn compare<S: Spec>(
    specs: &[S],
    control: &ControlStore,
    differences: &mut Vec<Difference>,
) -> Result<(), CommandError> {
    let stored = control.all::<S>().await.map_err(LoadError::from)?;
    for spec in specs {
        match stored.iter().find(|stored| stored.document.name == spec.name()) {
            None => differences.push(Difference::new::<S>(
                spec.name(),
                "is in the Terraform state and not in the control store".to_owned(),
            )),
            Some(stored) => differences.extend(Difference::between(spec, &stored.document)),
        }
    }
    for stored in &stored {
        if !specs.iter().any(|spec| spec.name() == stored.document.name) {
            differences.push(Difference::new::<S>(
                &stored.document.name,
                "is in the control store and not in the Terraform state".to_owned(),
            ));
        }
    }
    Ok(())
}

/// Groups whose newest recovery point was made with another specification.
async fn against_logs(
    context: &Context,
    specs: &Specs,
    differences: &mut Vec<Difference>,
) -> Result<(), CommandError> {
    let locations = specs
        .external_locations
        .iter()
        .filter_map(|spec| Some((spec.name.clone(), lakedr_control::validate::external_location(spec).ok()?)))
        .collect();
    let loaded = Loaded {
        source_name: "Terraform state".to_owned(),
        specs: specs.clone(),
        locations,
        groups: Vec::new(),
        secrets: Secrets::of_process(),
    };
    for spec in &specs.sync_groups {
        let Ok(group) = sync_group(spec) else { continue };
        let scene = Scene::open(&context.world, &loaded, spec, &group).await?;
        let problem = match scene.log.read().await {
            Err(error) => Some(format!("its log cannot be read: {}", crate::error::chain(&error))),
            Ok(history) => history
                .state
                .filter(|state| state.spec_digest != scene.spec_digest)
                .map(|_| "its log was last written with another specification".to_owned()),
        };
        differences.extend(problem.map(|problem| Difference::new::<SyncGroupSpec>(&spec.name, problem)));
    }
    Ok(())
}

#[derive(Default, Serialize)]
struct Rebuilt {
    written: Vec<String>,
    unchanged: Vec<String>,
    /// Documents that differ and were left alone.
    conflicts: Vec<String>,
}

async fn rebuild(context: &Context, overwrite: bool) -> Result<Exit, CommandError> {
    let (state, control) = both(context, "rebuild").await?;
    let mut rebuilt = Rebuilt::default();
    let rebuilder = Rebuilder { context, state: &state, control: &control, overwrite };
    rebuilder.write_all(&state.specs.external_locations, &mut rebuilt).await?;
    rebuilder.write_all(&state.specs.sync_groups, &mut rebuilt).await?;
    rebuilder.write_all(&state.specs.snapshot_schedules, &mut rebuilt).await?;
    context.output.write(&rebuilt, || rebuilt_text(&rebuilt))?;
    Ok(if rebuilt.conflicts.is_empty() { Exit::Ok } else { Exit::Usage })
}

fn rebuilt_text(rebuilt: &Rebuilt) -> String {
    let mut lines = Vec::new();
    lines.extend(rebuilt.written.iter().map(|name| format!("written: {name}")));
    lines.extend(rebuilt.unchanged.iter().map(|name| format!("unchanged: {name}")));
    lines.extend(rebuilt.conflicts.iter().map(|name| {
        format!("left alone, because it differs from the state: {name}; give --overwrite to replace it")
    }));
    lines.join("\n")
}

struct Rebuilder<'a> {
    context: &'a Context,
    state: &'a StateSpecs,
    control: &'a ControlStore,
    overwrite: bool,
}

impl Rebuilder<'_> {
    async fn write_all<S: Spec>(&self, specs: &[S], rebuilt: &mut Rebuilt) -> Result<(), CommandError> {
        for spec in specs {
            let label = format!("{} {:?}", S::KIND.noun(), spec.name());
            match self.write(spec).await? {
                Some(true) => rebuilt.written.push(label),
                Some(false) => rebuilt.unchanged.push(label),
                None => rebuilt.conflicts.push(label),
            }
        }
        Ok(())
    }

    /// Whether the document was written; none when another one is there.
    async fn write<S: Spec>(&self, spec: &S) -> Result<Option<bool>, CommandError> {
        let there = match self.control.get::<S>(spec.name()).await {
            Err(ControlStoreError::Document { .. }) => return self.mend(spec).await,
            there => there.map_err(LoadError::from)?,
        };
        let recorded = self.generation(spec);
        let written = match there {
            Some(stored) if stored.document.spec == *spec => return Ok(Some(false)),
            Some(_) if !self.overwrite => return Ok(None),
            Some(stored) => {
                let document = self.document(spec, stored.document.generation.max(recorded) + 1)?;
                self.control.replace(&document, &stored.tag).await
            }
            None => self.control.create(&self.document(spec, recorded)?).await,
        };
        match written.map_err(LoadError::from)? {
            Written::Done(_) => Ok(Some(true)),
            Written::Lost => Ok(None),
        }
    }

    /// Replaces a document that cannot be read.
    async fn mend<S: Spec>(&self, spec: &S) -> Result<Option<bool>, CommandError> {
        let tag = self.control.tag(S::KIND, spec.name()).await.map_err(LoadError::from)?;
        let Some(tag) = tag.filter(|_| self.overwrite) else { return Ok(None) };
        let document = self.document(spec, self.generation(spec) + 1)?;
        match self.control.replace(&document, &tag).await.map_err(LoadError::from)? {
            Written::Done(_) => Ok(Some(true)),
            Written::Lost => Ok(None),
        }
    }

    /// Generation of a spec's document, as the state knows it.
    fn generation<S: Spec>(&self, spec: &S) -> u64 {
        let known =
            self.state.generations.iter().find(|(kind, name, _)| *kind == S::KIND && name == spec.name());
        known.map_or(1, |(_, _, generation)| *generation)
    }

    fn document<S: Spec>(&self, spec: &S, generation: u64) -> Result<Document<S>, CommandError> {
        let writer = Writer {
            provider: env!("CARGO_PKG_VERSION").to_owned(),
            region: self.context.global.region.clone().unwrap_or_else(|| "unknown".to_owned()),
        };
        let document = Document::new(spec.clone(), generation, writer, self.context.world.now());
        Ok(document.map_err(LoadError::from)?)
    }
}
