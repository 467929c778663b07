//! The device itself: its identity, as one value.

use async_trait::async_trait;
use wacore::store::{Device, error::Result, traits::DeviceStore};
use wago_store::Key;

use super::{
    Backend,
    codec::{from_json, to_json},
    kind,
};

#[async_trait]
impl DeviceStore for Backend {
    async fn save(&self, device: &Device) -> Result<()> {
        self.put(kind::DEVICE, Key::new(), to_json(device)?).await
    }

    async fn load(&self) -> Result<Option<Device>> {
        self.value(kind::DEVICE, &[]).await?.map(|value| from_json(&value)).transpose()
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.row(kind::DEVICE, &[]).await?.is_some())
    }

    async fn create(&self) -> Result<i32> {
        if !self.exists().await? {
            self.save(&Device::new()).await?;
        }
        // The engine only logs it: one backend serves one device.
        Ok(1)
    }
}
