//! The admin token, of which only a hash is kept.

use std::io::{self, Write};

use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};
use wago_http::admin_token_hash;
use wago_store::Store;

use crate::config::{Config, Mode, SANDBOX_ADMIN_TOKEN};

/// The setting in the store.
const HASH: &str = "admin_token_hash";
/// Characters of the shortest token that `serve` takes.
const LENGTH_MIN: usize = 16;
/// Bytes of chance in a token that is made here.
const CHANCE: usize = 32;
/// Tokens from documentation, however long they are.
const WELL_KNOWN: [&str; 4] = ["qwert", SANDBOX_ADMIN_TOKEN, "your-admin-token", "YOUR_ADMIN_TOKEN"];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the admin token is shorter than {LENGTH_MIN} characters: whoever guesses it owns every session (openssl rand -hex 24 makes a good one)"
    )]
    Short,
    #[error(
        "the admin token is one that everybody knows from the documentation (openssl rand -hex 24 makes a good one)"
    )]
    WellKnown,
    #[error("the admin token has characters that a header cannot carry: use letters and digits")]
    NotText,
    #[error("the stored hash of the admin token is damaged: start once with --admintoken")]
    Damaged,
    #[error(transparent)]
    Store(#[from] wago_store::Error),
    #[error("the new admin token cannot be shown: {0}")]
    Show(#[from] io::Error),
}

/// A token given by configuration must not be a weak one wherever others than this machine's users may try it.
pub fn check(config: &Config) -> Result<(), Error> {
    let reached = config.mode == Mode::Serve || !config.listen.ip().is_loopback();
    match &config.admin_token {
        Some(token) if reached => refuse_weak(token),
        _ => Ok(()),
    }
}

/// Refuses a token that could be guessed, or could not be sent.
fn refuse_weak(token: &SecretString) -> Result<(), Error> {
    let token = token.expose_secret();
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::NotText);
    }
    if WELL_KNOWN.contains(&token) {
        return Err(Error::WellKnown);
    }
    if token.len() < LENGTH_MIN {
        return Err(Error::Short);
    }
    Ok(())
}

/// The hash of the token of this run: of the one `given`, else of the stored one, else of a new one, which is shown on
/// `terminal` this once.
pub async fn hash(
    given: Option<&SecretString>,
    store: &Store,
    terminal: &mut (dyn Write + Send),
) -> Result<[u8; 32], Error> {
    if let Some(token) = given {
        return Ok(admin_token_hash(token.expose_secret()));
    }
    if let Some(stored) = store.setting(HASH).await? {
        return stored.try_into().map_err(|_| Error::Damaged);
    }
    let token = make();
    let hash = admin_token_hash(token.expose_secret());
    // Shown before it is kept: a token that was kept and never shown would lock its owner out.
    writeln!(terminal, "admin token, shown this once: {}", token.expose_secret())?;
    terminal.flush()?;
    store.set_setting(HASH, &hash).await?;
    Ok(hash)
}

fn make() -> SecretString {
    let mut chance = [0; CHANCE];
    rand::rng().fill_bytes(&mut chance);
    let digits: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.into()
}

#[cfg(test)]
mod tests {
    use wago_store::SecretKey;

    use super::*;

    async fn store() -> Store {
        let key = SecretKey::from_bytes([7; 32]);
        Store::open("sqlite::memory:", key).await.unwrap()
    }

    #[tokio::test]
    async fn is_made_and_shown_at_the_first_start_only() {
        let store = store().await;
        let mut terminal = Vec::new();
        let first = hash(None, &store, &mut terminal).await.unwrap();
        let shown = String::from_utf8(terminal).unwrap();
        let token = shown.trim().rsplit(' ').next().unwrap();
        assert_eq!(admin_token_hash(token), first);
        refuse_weak(&token.into()).unwrap();
        let stored = store.setting(HASH).await.unwrap().unwrap();
        assert_eq!(stored, first);

        let mut terminal = Vec::new();
        let again = hash(None, &store, &mut terminal).await.unwrap();
        assert_eq!(again, first);
        assert!(terminal.is_empty());
    }

    #[tokio::test]
    async fn one_that_is_given_is_for_this_run() {
        let store = store().await;
        let mut terminal = Vec::new();
        let given = SecretString::from("given-by-configuration");
        let hashed = hash(Some(&given), &store, &mut terminal).await.unwrap();
        assert_eq!(hashed, admin_token_hash("given-by-configuration"));
        assert!(terminal.is_empty());
        assert!(store.setting(HASH).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_damaged_hash_is_said_to_be() {
        let store = store().await;
        store.set_setting(HASH, b"short").await.unwrap();
        let damaged = hash(None, &store, &mut Vec::new()).await;
        assert!(matches!(damaged, Err(Error::Damaged)));
    }

    #[test]
    fn a_token_that_could_be_guessed_is_refused() {
        for (token, said) in [
            ("qwert", "everybody knows"),
            ("sandbox-admin", "everybody knows"),
            ("YOUR_ADMIN_TOKEN", "everybody knows"),
            ("fifteen-letters", "shorter"),
            ("sixteen letters!", "a header cannot carry"),
            ("naïve-but-long-enough", "a header cannot carry"),
        ] {
            let error = refuse_weak(&token.into()).unwrap_err().to_string();
            assert!(error.contains(said), "{token}: {error}");
        }
        refuse_weak(&"sixteen-letters!".into()).unwrap();
    }
}
