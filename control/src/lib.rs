//! The documents that the lakedr provider and the lakedr executor share.
//!
//! Everything a region needs to know about disaster recovery is one of a few kinds of document:
//!
//! * **specs** ([`spec`]): what the operator wants. Written by the provider alone, into the control store.
//! * **group log entries** ([`group_log`]): what happened. Written by the executor alone, into the external
//!   location of the standby region, and the only thing decisions are made from.
//! * **run records** ([`run_record`]): what a workflow did. Written by `lakedr mark`.
//! * **snapshot catalogs** ([`snapshots`]): which kept copies there are. Written by the executor alone, beside the copies.
//! * **drill reports** ([`drill`]): that a failover was rehearsed, and what came of it.
//!
//! This crate says what these documents look like ([`codec`]), where they lie ([`layout`]), which of them are
//! acceptable ([`validate`]) and how they are read and written ([`store`]). It does no I/O of its own unless
//! the feature `object-store` is on; then it fetches secrets (`vault`) and asks services (`service`), too.

pub mod codec;
pub mod cron;
pub mod cut;
pub mod digest;
pub mod dr_sync;
pub mod drill;
pub mod group_log;
pub mod id;
pub mod known_runs;
pub mod layout;
pub mod local_path;
pub mod location;
pub mod lost;
pub mod message;
pub mod notification;
pub mod other_region;
pub mod run_record;
#[cfg(feature = "schema")]
pub mod schema;
pub mod secret;
#[cfg(feature = "object-store")]
pub mod service;
pub mod service_url;
pub mod snapshots;
pub mod spec;
pub mod store;
pub mod tfstate;
pub mod time;
pub mod validate;
#[cfg(feature = "object-store")]
pub mod vault;
pub mod verification;
