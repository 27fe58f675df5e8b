use lakedr_control::codec::Document;
use lakedr_control::location::StoreUrl;
use lakedr_control::other_region::Declared;
use lakedr_control::spec::{ExternalLocationSpec, Spec, SyncGroupSpec};
use lakedr_control::store::ControlStore;
use lakedr_control::validate::SideName;

use crate::error::{At as _, Failure, Stage};
use crate::patience::in_time;
use crate::pipeline::Scene;
use crate::spec::{Difference, Loaded};

/// The other region of a group, as this process may look at it.
pub(super) struct Other<'a> {
    scene: &'a Scene<'a>,
    side: SideName,
    /// Its control store.
    pub(super) control: StoreUrl,
}

impl<'a> Other<'a> {
    /// None when this process was not told its own region and where the control store of the other one is.
    pub(super) fn of(scene: &'a Scene<'a>) -> Option<Self> {
        let control = scene.world.other_control.clone()?;
        let side = scene.group.side_of(scene.world.region.as_deref()?)?.other();
        Some(Self { scene, side, control })
    }

    /// Its name.
    pub(super) fn region(&self) -> &str {
        &self.scene.group.side(self.side).region
    }

    /// How it declares the group and the external locations that the group has here; otherwise why that cannot be seen, in
    /// any case soon.
    pub(super) async fn look(&self, loaded: &Loaded, spec: &SyncGroupSpec) -> Result<Declared, String> {
        in_time(self.read(loaded, spec)).await
    }

    async fn read(&self, loaded: &Loaded, spec: &SyncGroupSpec) -> Result<Declared, Failure> {
        let opened = self.scene.stores.open_url(self.side, &self.control).at(Stage::Spec, &self.control)?;
        let control = ControlStore::new(opened.doc_store());
        let mut declared = Declared { sync_group: get(&control, &spec.name).await?, ..Declared::default() };
        for location in locations(loaded, spec) {
            let found = get(&control, &location.name).await?;
            declared.external_locations.insert(location.name.clone(), found);
        }
        Ok(declared)
    }
}

async fn get<S: Spec>(control: &ControlStore, name: &str) -> Result<Option<Document<S>>, Failure> {
    let stored = control.get(name).await.at(Stage::Spec, control.url())?;
    Ok(stored.map(|stored| stored.document))
}

fn locations<'a>(
    loaded: &'a Loaded,
    spec: &'a SyncGroupSpec,
) -> impl Iterator<Item = &'a ExternalLocationSpec> {
    let used = [&spec.primary.location, &spec.secondary.location];
    loaded.specs.external_locations.iter().filter(move |location| used.contains(&&location.name))
}

/// Where it differs from what is declared here. An external location that was not looked for is not spoken of: the group
/// names another one there, which differs.
pub(super) fn differences(loaded: &Loaded, spec: &SyncGroupSpec, there: &Declared) -> Vec<Difference> {
    let locations = locations(loaded, spec)
        .filter_map(|location| compare(location, there.external_locations.get(&location.name)?.as_ref()));
    compare(spec, there.sync_group.as_ref()).into_iter().chain(locations).collect()
}

fn compare<S: Spec>(spec: &S, there: Option<&Document<S>>) -> Option<Difference> {
    match there {
        None => Some(Difference::new::<S>(spec.name(), "is not there".to_owned())),
        Some(document) => Difference::between(spec, document),
    }
}
