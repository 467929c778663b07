use axum::extract::State;
use wago_contract::server::{Alive, Ready};

use crate::{
    app::App,
    error::ApiError,
    reply::{Reply, Result},
};

/// The process lives. Open to everyone.
pub(crate) async fn ok() -> Reply<Alive> {
    Reply(Alive { details: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Requests can be served. Open to everyone.
pub(crate) async fn ready(State(app): State<App>) -> Result<Reply<Ready>> {
    if let Err(error) = app.store.ping().await {
        tracing::error!(%error, "the database does not answer");
        return Err(ApiError::database_unreachable());
    }
    Ok(Reply(Ready { details: "ready", database: "ok" }))
}
