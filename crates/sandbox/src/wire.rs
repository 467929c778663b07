//! What goes over a socket: the handshake, and encrypted frames of binary nodes.

pub(crate) mod certificate;
pub(crate) mod noise;
pub(crate) mod socket;
