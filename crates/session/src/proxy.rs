//! Through what a session reaches WhatsApp.

use secrecy::{ExposeSecret as _, SecretString};
use wago_store::SessionId;

use crate::{Error, Result, Sessions, network::Proxy};

impl Sessions {
    /// The URL with `***` for a password.
    pub async fn proxy(&self, id: SessionId) -> Result<Option<String>> {
        let url = self.store().proxy(id).await?;
        Ok(url.and_then(|url| Proxy::read(url.expose_secret()).ok()).map(|proxy| proxy.shown()))
    }

    /// From now on: a session that runs is connected again, by the new way. Returns what [`Sessions::proxy`] would.
    pub async fn set_proxy(&self, id: SessionId, url: Option<String>) -> Result<Option<String>> {
        let invalid = |said: &str| Error::Invalid { field: "ProxyURL", reason: format!("ProxyURL {said}") };
        let proxy = url.as_deref().map(Proxy::read).transpose().map_err(invalid)?;
        if let Some(proxy) = &proxy {
            proxy.places(self.shared().proxies).await.map_err(invalid)?;
        }
        let before = self.store().proxy(id).await?;
        if before.as_ref().map(SecretString::expose_secret) != url.as_deref() {
            self.store().set_proxy(id, url.map(SecretString::from).as_ref()).await?;
            self.reconnect(id).await?;
        }
        Ok(proxy.map(|proxy| proxy.shown()))
    }
}
