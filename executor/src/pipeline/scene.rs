use lakedr_control::group_log::{FailureClass, GroupLog, GroupState, History};
use lakedr_control::id::TableName;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::{Publisher, SideName, ValidGroup};
use lakedr_control::vault::Secrets;

use super::leg::{Here, Leg};
use crate::cut::Refusal;
use crate::error::{At as _, Failure, Stage};
use crate::spec::{GroupStores, Loaded};
use crate::world::World;

/// What the stages of one group share.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The outside.
    pub world: &'a World,
    /// The group.
    pub group: &'a ValidGroup,
    /// Digest of its spec.
    pub spec_digest: String,
    /// Its stores.
    pub stores: GroupStores,
    /// The secrets that its specification refers to.
    pub secrets: Secrets,
    /// Its log.
    pub log: GroupLog,
    /// The part of the way that this call covers.
    pub leg: Leg,
    /// Whether this call keeps beside the log what saves the next one from reading it all again.
    pub keeps_caches: bool,
}

/// Why there is no new recovery point.
#[derive(Debug)]
pub enum Stop {
    /// There must not be one.
    Refused(Refusal),
    /// A stage failed.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<'a> Scene<'a> {
    /// Opens the stores of a group: fetches the secrets that they need, and sends nothing else.
    ///
    /// # Errors
    /// When a secret cannot be had, or a store cannot be set up.
    pub async fn open(
        world: &'a World,
        loaded: &Loaded,
        spec: &SyncGroupSpec,
        group: &'a ValidGroup,
    ) -> Result<Self, Failure> {
        let stores = GroupStores::open(loaded, group).await.at(Stage::Spec, &group.name)?;
        Self::of_stores(world, loaded, spec, group, stores)
    }

    /// The same when a region may be lost, and the secrets for it with it: the stores of such a side are opened without
    /// them. What then is asked of that side fails, what is asked of the other does not.
    ///
    /// # Errors
    /// When the secrets of neither side can be had, or a store cannot be set up.
    pub async fn open_in_an_outage(
        world: &'a World,
        loaded: &Loaded,
        spec: &SyncGroupSpec,
        group: &'a ValidGroup,
    ) -> Result<Self, Failure> {
        let stores = GroupStores::open_in_an_outage(loaded, group).await.at(Stage::Spec, &group.name)?;
        Self::of_stores(world, loaded, spec, group, stores)
    }

    fn of_stores(
        world: &'a World,
        loaded: &Loaded,
        spec: &SyncGroupSpec,
        group: &'a ValidGroup,
        stores: GroupStores,
    ) -> Result<Self, Failure> {
        let log = stores.log(group);
        let spec_digest = Loaded::spec_digest(spec).map_err(|cause| Failure {
            stage: Stage::Spec,
            subject: group.name.to_string(),
            class: FailureClass::Internal,
            retryable: false,
            cause: Box::new(cause),
        })?;
        let secrets = loaded.secrets.clone();
        Ok(Self { world, group, spec_digest, stores, secrets, log, leg: Leg::Direct, keeps_caches: false })
    }

    /// The same scene for a call that writes to the standby region in any case.
    #[must_use]
    pub fn keeping_caches(self) -> Self {
        Self { log: self.log.keeping_head(), keeps_caches: true, ..self }
    }

    /// The same scene for a part of the way.
    #[must_use]
    pub fn on(self, leg: Leg) -> Self {
        Self { leg, ..self }
    }

    /// What the region of this process is to the group.
    #[must_use]
    pub fn here(&self, history: &History) -> Here {
        let region = self.world.region.as_deref().and_then(|region| self.group.side_of(region));
        match region {
            None => Here::Anywhere,
            Some(side) if side == self.active(history) => Here::Active,
            Some(_) => Here::Standby,
        }
    }

    /// The side whose tables the workflow writes.
    #[must_use]
    pub fn active(&self, history: &History) -> SideName {
        let active = history.state.as_ref().and_then(|state| self.group.side_of(&state.role.active));
        active.unwrap_or(self.group.initial_active)
    }

    /// The side whose tables lakedr writes.
    #[must_use]
    pub fn standby(&self, history: &History) -> SideName {
        self.active(history).other()
    }

    /// Version of a table that this leg writes, as it left it last: at the newest recovery point, or in the landing area.
    #[must_use]
    pub fn recorded_version(&self, history: &History, table: &TableName) -> Option<u64> {
        let base = self.base(history)?;
        let (_, target) = self.leg.versions(base.cut.table(table)?);
        target
    }

    /// Whether the roles have changed and nothing has been published since: the tables of the standby region may hold
    /// anything. The landing area is lakedr's alone.
    #[must_use]
    pub fn is_returning(&self, history: &History) -> bool {
        self.leg != Leg::Send && history.state.as_ref().is_some_and(GroupState::is_returning)
    }

    /// Whether a SQL warehouse writes the tables that this leg is to write.
    #[must_use]
    pub fn is_cloned_by_warehouse(&self) -> bool {
        self.leg == Leg::Receive && self.group.publisher != Publisher::Native
    }

    /// Whether the roles have changed and this leg has brought nothing over since.
    #[must_use]
    pub fn begins_again(&self, history: &History) -> bool {
        let began = |state: &GroupState| self.leg != Leg::Send || state.landed.is_none();
        history.state.as_ref().is_some_and(|state| state.is_returning() && began(state))
    }
}
