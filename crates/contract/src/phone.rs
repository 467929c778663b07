//! `phone`.
