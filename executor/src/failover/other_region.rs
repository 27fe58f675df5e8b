//! What the control store of the other region says of a group: each region is applied for itself, and a region that takes
//! over goes by its own specification.

use lakedr_control::location::StoreUrl;
use lakedr_control::spec::{ExternalLocationSpec, Spec, SyncGroupSpec};
use lakedr_control::store::ControlStore;
use lakedr_control::validate::SideName;
use serde::Serialize;

use super::loss::in_time;
use crate::error::{At as _, Failure, Stage};
use crate::pipeline::Scene;
use crate::spec::{Difference, Loaded};

/// How the specification of a group in the other region compares with the one that this process works by.
#[derive(Debug, Serialize)]
pub struct OtherRegion {
    /// The control store of the other region.
    pub control: StoreUrl,
    /// What differs: of the group itself, and of its external locations. Empty when both regions say the same; none when
    /// the other one cannot be seen.
    pub differences: Option<Vec<Difference>>,
    /// Why it cannot be seen.
    pub unseen: Option<String>,
}

/// Compares, where the control store of the other region was named. It is reached as the tables of that region are: with the
/// options of the group's external location there if both are in the same kind of store, and else by the environment.
pub async fn other_region(scene: &Scene<'_>, loaded: &Loaded, spec: &SyncGroupSpec) -> Option<OtherRegion> {
    let control = scene.world.other_control.clone()?;
    let there = scene.group.side_of(scene.world.region.as_deref()?)?.other();
    let looked = in_time(differences(scene, (there, &control), loaded, spec)).await;
    let (differences, unseen) = match looked {
        Ok(differences) => (Some(differences), None),
        Err(why) => (None, Some(why)),
    };
    Some(OtherRegion { control, differences, unseen })
}

async fn differences(
    scene: &Scene<'_>,
    (there, control): (SideName, &StoreUrl),
    loaded: &Loaded,
    spec: &SyncGroupSpec,
) -> Result<Vec<Difference>, Failure> {
    let opened = scene.stores.open_url(there, control).at(Stage::Spec, control)?;
    let control = ControlStore::new(opened.doc_store());
    let mut found = Vec::new();
    found.extend(compare(spec, &control).await?);
    let used = [&spec.primary.location, &spec.secondary.location];
    let locations = &loaded.specs.external_locations;
    for location in locations.iter().filter(|location| used.contains(&&location.name)) {
        found.extend(compare::<ExternalLocationSpec>(location, &control).await?);
    }
    Ok(found)
}

async fn compare<S: Spec>(spec: &S, control: &ControlStore) -> Result<Option<Difference>, Failure> {
    let stored = control.get::<S>(spec.name()).await.at(Stage::Spec, control.url())?;
    Ok(match stored {
        None => Some(Difference::new::<S>(spec.name(), "is not there".to_owned())),
        Some(stored) => Difference::between(spec, &stored.document),
    })
}

impl OtherRegion {
    /// For people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let warnings = self.warnings();
        if warnings.is_empty() {
            return vec![format!("the other region is declared the same, in {}", self.control)];
        }
        warnings
    }

    /// What has to be said of it: nothing when both regions say the same.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let place = &self.control;
        let unseen = self.unseen.iter();
        let unseen = unseen.map(|why| format!("the specification of the other region cannot be seen: {why}"));
        let differences = self.differences.iter().flatten().map(|difference| {
            format!(
                "the regions are declared differently: in {place}, {difference}; apply the same configuration in both regions"
            )
        });
        unseen.chain(differences).collect()
    }
}
