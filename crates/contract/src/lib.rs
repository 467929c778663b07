//! Every JSON shape that WaGo promises. No I/O.

pub mod event;
pub mod phone;
pub mod send;
pub mod session;
pub mod webhook;
