//! The API through its router, over a real store on a temporary file. What needs WhatsApp is tested from `wago`.

mod api;
mod bad_input;
mod business;
mod calls;
mod chats;
mod credentials;
mod events;
mod groups;
mod log;
mod newsletters;
mod passkey;
mod queue;
mod send;
mod serve;
mod server;
mod session;
mod stored;
mod streams;
mod user;
mod webhook;
mod webhooks;
