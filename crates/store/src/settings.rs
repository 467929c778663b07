//! Facts about this installation.

use secrecy::ExposeSecret as _;
use sqlx::Row as _;

use crate::{Error, Result, Store};

const SECRET_CHECK: &str = "secret_check";
const CHECK_PURPOSE: &str = "settings.secret_check";
const CHECK_TEXT: &str = "wago";

impl Store {
    /// A stored setting, e.g. `admin_token_hash`.
    pub async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let row =
            sqlx::query("SELECT value FROM settings WHERE name = $1").bind(name).fetch_optional(&self.db.read).await?;
        Ok(row.map(|row| row.try_get("value")).transpose()?)
    }

    pub async fn set_setting(&self, name: &str, value: &[u8]) -> Result<()> {
        sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value)
            .execute(&self.db.write)
            .await?;
        Ok(())
    }

    /// A known text is kept encrypted, so that a wrong key is noticed at start and not at the first token.
    pub(crate) async fn check_secret(&self) -> Result<()> {
        match self.setting(SECRET_CHECK).await? {
            None => self.set_setting(SECRET_CHECK, &self.secret.seal(CHECK_PURPOSE, &CHECK_TEXT.into())).await,
            Some(sealed) => match self.secret.open(CHECK_PURPOSE, &sealed) {
                Some(text) if text.expose_secret() == CHECK_TEXT => Ok(()),
                _ => Err(Error::WrongSecret),
            },
        }
    }
}
