//! Facts about this installation.

use crate::{Result, Store};

impl Store {
    /// A stored setting, e.g. `admin_token_hash`.
    pub async fn setting(&self, _name: &str) -> Result<Option<Vec<u8>>> {
        unreachable!()
    }
    pub async fn set_setting(&self, _name: &str, _value: &[u8]) -> Result<()> {
        unreachable!()
    }
}
