//! The lakedr executor.
