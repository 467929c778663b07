//! `event`.
