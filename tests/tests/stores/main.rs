//! Every store that lakedr supports keeps the promises that lakedr leans on.

mod contract;
mod copy;
mod copy_worker;
mod races;
