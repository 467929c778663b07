//! What devices say to the network, a kind of stanza a file. [`read`] holds what every kind needs to look at a node.

pub(crate) mod app_state;
pub(crate) mod iq;
pub(crate) mod keys;
pub(crate) mod message;
pub(crate) mod offline;
pub(crate) mod presence;
pub(crate) mod read;
pub(crate) mod receipt;
pub(crate) mod usync;
