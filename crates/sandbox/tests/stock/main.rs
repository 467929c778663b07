//! Clients that know nothing of this network, on it: the engine as published, with its own store in memory.

mod alone;
mod large;
mod media_host;
mod membership;
mod messages;
mod settings;
mod world;
