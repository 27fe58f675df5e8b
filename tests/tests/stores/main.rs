//! Every store that lakedr supports keeps the promises that lakedr leans on.

mod contract;
mod copy;
mod copy_faults;
mod copy_group;
mod copy_wire;
mod copy_worker;
mod faulty_proxy;
mod http_request;
mod races;
mod scripted_server;
