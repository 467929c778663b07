//! Groups and statuses between phones and clients that know nothing of this network: the engine as published.

mod large;
mod membership;
mod messages;
mod settings;
mod world;
