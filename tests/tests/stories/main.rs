//! Stories on the built binaries: what a user does, from `terraform apply` to a standby region that can be trusted.

mod bad_input;
mod catalog;
mod catalog_names;
mod cloud_state;
mod clouds;
mod demo_path;
mod diverged;
mod failover;
mod failover_groups;
mod groups;
mod import_config;
mod interrupt;
mod kill;
mod many_files;
mod metadata_table;
mod notify;
mod prune;
mod rebuild;
mod restore;
mod secrets;
mod services;
mod snapshots;
mod staged;
mod two_executors;
mod two_servers;
mod warehouse;
