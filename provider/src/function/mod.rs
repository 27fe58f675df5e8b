//! The functions: pure computations, which Terraform calls without configuring the provider.

mod call;
mod cron_next;
mod from_dr_sync_config;
mod table_url;

pub use call::{Function, FunctionError, Parameter, Signature};
pub use cron_next::CronNext;
pub use from_dr_sync_config::FromDrSyncConfig;
pub use table_url::TableUrl;
