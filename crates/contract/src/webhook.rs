//! `webhook`.
