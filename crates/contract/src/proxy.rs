//! `/session/proxy`: what a session reaches WhatsApp through.

use std::fmt;

use serde::Serialize;

use crate::payload::{Fields, Invalid, Name, Payload, Result};

/// Bytes, with user name and password.
const URL_MAX: usize = 2_048;

/// `POST /session/proxy`
pub struct SetProxy {
    /// `None` takes it away.
    pub url: Option<ProxyUrl>,
}

/// May have a password, so it does not print.
pub struct ProxyUrl(pub String);

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyUrl(…)")
    }
}

impl Payload for SetProxy {
    fn read(mut fields: Fields) -> Result<Self> {
        const URL: Name = Name { field: "ProxyURL", aliases: &["proxy_url", "proxy"] };
        const ENABLE: Name = Name { field: "Enable", aliases: &["enabled"] };
        let enable = match fields.optional(ENABLE) {
            Some(given) => given.flag()?,
            None => true,
        };
        if fields.flag("webhook_use_proxy")? {
            return Err(Invalid::field("webhook_use_proxy", "false: webhooks never go through a session's proxy"));
        }
        if !enable {
            return Ok(Self { url: None });
        }
        let url = fields.required(URL)?.text(URL_MAX)?.trim().to_owned();
        Ok(Self { url: Some(ProxyUrl(url)).filter(|url| !url.0.is_empty()) })
    }
}

/// Both of what is set, and of what was set just now.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Proxy {
    pub details: &'static str,
    pub enable: bool,
    /// With `***` for a password. Empty if there is none.
    #[serde(rename = "ProxyURL")]
    pub url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<SetProxy> {
        SetProxy::read(Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_proxy_is_set_or_taken_away() {
        for body in [r#"{"ProxyURL":" socks5://h:1 "}"#, r#"{"proxy_url":"socks5://h:1","enable":true}"#] {
            assert_eq!(read(body).unwrap().url.unwrap().0, "socks5://h:1");
        }
        for body in [r#"{"Enable":false}"#, r#"{"ProxyURL":"socks5://h:1","Enable":false}"#] {
            assert!(read(body).unwrap().url.is_none());
        }
        let said = |body| read(body).err().map(|error| error.to_string()).unwrap();
        assert_eq!(said("{}"), "missing ProxyURL in payload");
        assert!(said(r#"{"ProxyURL":"socks5://h:1","Enable":"?"}"#).starts_with("Enable should be"));
        assert!(said(r#"{"Enable":false,"webhook_use_proxy":true}"#).contains("never go through"));
    }

    #[test]
    fn it_does_not_print() {
        assert_eq!(format!("{:?}", ProxyUrl("socks5://u:p@h:1".into())), "ProxyUrl(…)");
    }
}
