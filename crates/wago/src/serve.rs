//! `wago serve`: the gateway, connected to WhatsApp.

use std::io::Write;

use crate::{
    admin,
    config::Config,
    error::Error,
    home::Home,
    lifecycle::{Gateway, Upstream},
};

pub async fn serve(config: Config, terminal: &mut (dyn Write + Send)) -> Result<Gateway, Error> {
    admin::check(&config)?;
    // Before anything is dialled: cargo's feature unification can turn the check off behind a build's back.
    wago_session::prove_chain_is_checked().map_err(Error::Chain)?;
    let home = Home::claim(&config.data)?;
    let gateway = Gateway::start(&config, Some(home), Upstream::whatsapp(), terminal).await?;
    writeln!(terminal, "ready {}", gateway.url())?;
    terminal.flush()?;
    Ok(gateway)
}
