//! How the other region declares a group: each region is applied for itself, and a region that takes over goes by its own
//! specification. That other region may be lost by then, so each publish keeps what it saw of it.

mod look;
mod memory;

use chrono::{DateTime, Utc};
use lakedr_control::location::StoreUrl;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::time;
use serde::Serialize;

use self::look::{Other, differences};
use self::memory::recall;
pub use self::memory::remember;
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
    /// What differs from what was seen of it last, if it cannot be seen and something was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<LastSeen>,
}

/// A comparison with what was kept of the other region.
#[derive(Debug, Serialize)]
pub struct LastSeen {
    /// When it was seen.
    #[serde(with = "time::rfc3339_millis")]
    pub at: DateTime<Utc>,
    /// The control store that was seen.
    pub control: StoreUrl,
    /// What differs from what it said then.
    pub differences: Vec<Difference>,
}

/// Compares, where the control store of the other region was named. It is reached as the tables of that region are: with the
/// options of the group's external location there if both are in the same kind of store, and else by the environment.
pub async fn other_region(scene: &Scene<'_>, loaded: &Loaded, spec: &SyncGroupSpec) -> Option<OtherRegion> {
    let other = Other::of(scene)?;
    let found = match other.look(loaded, spec).await {
        Ok(declared) => {
            let differences = Some(differences(loaded, spec, &declared));
            OtherRegion { control: other.control, differences, unseen: None, last_seen: None }
        }
        Err(why) => {
            let last_seen = recall(scene, &other).await.map(|seen| LastSeen {
                at: seen.seen_at,
                control: seen.control,
                differences: differences(loaded, spec, &seen.declared),
            });
            OtherRegion { control: other.control, differences: None, unseen: Some(why), last_seen }
        }
    };
    Some(found)
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
        let unseen = self.unseen.iter().map(|why| {
            let then = self.last_seen.as_ref().map(LastSeen::text).unwrap_or_default();
            format!("the specification of the other region cannot be seen{then}: {why}")
        });
        let place = &self.control;
        let now = self.differences.iter().flatten().map(|difference| {
            format!(
                "the regions are declared differently: in {place}, {difference}; apply the same configuration in both regions"
            )
        });
        unseen.chain(now).chain(self.last_seen.iter().flat_map(LastSeen::warnings)).collect()
    }
}

impl LastSeen {
    fn text(&self) -> String {
        let how = if self.differences.is_empty() { "the same" } else { "differently" };
        format!(" (when it was seen last, {}, it was declared {how})", time::format(self.at))
    }

    fn warnings(&self) -> impl Iterator<Item = String> {
        self.differences.iter().map(|difference| {
            format!(
                "the regions were declared differently when the other one was seen last: in {}, {difference}; make sure \
                 that what is applied here is what is meant",
                self.control
            )
        })
    }
}
