//! Where the files of messages are kept: a folder, or a bucket of an S3 service. Nothing is ever whole in memory.

use std::{ops::Range, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig,
    aws::AmazonS3Builder, buffered::BufWriter, local::LocalFileSystem, path::Path as Place,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::AsyncWriteExt as _;

/// What is uploaded at a time.
const PIECE: usize = 5 << 20;
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// For one request, which carries a piece, or gives out a whole file.
const REQUEST_MAX: Duration = Duration::from_secs(600);
/// Small trouble is met at once. What lasts longer is for whoever asked: it knows how long it can wait.
const RETRIES_MAX: Duration = Duration::from_secs(30);

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// `None`: Amazon's.
    pub endpoint: Option<String>,
    pub region: String,
    pub bucket: String,
    /// What the name of each object begins with; may be empty.
    pub prefix: String,
    /// The bucket in the path of the URL instead of its host, as most services but Amazon's want it.
    pub path_style: bool,
    pub access_key: String,
    pub secret_key: SecretString,
}

/// Why a file could not be put away or had back, in words for the log. They hold no key and no content.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error("there is no such file")]
    Missing,
    #[error("{0}")]
    Failed(String),
}

/// A cheap handle.
#[derive(Clone)]
pub struct Shelf {
    objects: Arc<dyn ObjectStore>,
    prefix: String,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("Shelf")
    }
}

impl Shelf {
    /// The folder is made if it is not there.
    pub fn folder(path: &Path) -> Result<Self, ShelfError> {
        std::fs::create_dir_all(path).map_err(|error| ShelfError::Failed(error.to_string()))?;
        let objects = LocalFileSystem::new_with_prefix(path).map_err(failed)?.with_automatic_cleanup(true);
        Ok(Self { objects: Arc::new(objects), prefix: String::new() })
    }

    /// Nothing is asked of the service yet.
    pub fn bucket(bucket: &Bucket) -> Result<Self, ShelfError> {
        let mut builder = AmazonS3Builder::new()
            .with_region(&bucket.region)
            .with_bucket_name(&bucket.bucket)
            .with_access_key_id(&bucket.access_key)
            .with_secret_access_key(bucket.secret_key.expose_secret())
            .with_virtual_hosted_style_request(!bucket.path_style)
            .with_retry(RetryConfig { max_retries: 2, retry_timeout: RETRIES_MAX, ..RetryConfig::default() })
            .with_client_options(ClientOptions::new().with_connect_timeout(CONNECT_MAX).with_timeout(REQUEST_MAX));
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let prefix = match bucket.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self { objects: Arc::new(builder.build().map_err(failed)?), prefix })
    }

    fn place(&self, place: &str) -> Place {
        Place::from(format!("{}{place}", self.prefix))
    }

    /// Writes and removes a small object, to find out whether all is set up.
    pub async fn check(&self) -> Result<(), ShelfError> {
        let place = self.place("wago-check");
        self.objects.put(&place, PutPayload::from_static(b"WaGo can write here")).await.map_err(failed)?;
        self.objects.delete(&place).await.map_err(failed)
    }

    /// Copies the file there, over what is there already. Answers its size in bytes.
    pub async fn put(&self, place: &str, file: &Path) -> Result<u64, ShelfError> {
        let unread = |error: std::io::Error| ShelfError::Failed(format!("the file cannot be read: {}", error.kind()));
        let mut file = tokio::fs::File::open(file).await.map_err(unread)?;
        let mut object = BufWriter::with_capacity(self.objects.clone(), self.place(place), PIECE);
        let done = async {
            let size = tokio::io::copy(&mut file, &mut object).await?;
            object.shutdown().await?;
            Ok::<_, std::io::Error>(size)
        };
        match done.await {
            Ok(size) => Ok(size),
            Err(error) => {
                // The service forgets unfinished uploads by itself, if it is told to; this is sooner.
                let _ = object.abort().await;
                Err(ShelfError::Failed(error.to_string()))
            }
        }
    }

    /// The file, or a part of it.
    pub async fn get(
        &self,
        place: &str,
        part: Option<Range<u64>>,
    ) -> Result<impl Stream<Item = Result<Bytes, ShelfError>> + Send + use<>, ShelfError> {
        let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
        let found = self.objects.get_opts(&self.place(place), options).await.map_err(failed)?;
        Ok(found.into_stream().map_err(failed))
    }

    /// It is no error if it is not there.
    pub async fn remove(&self, place: &str) -> Result<(), ShelfError> {
        match self.objects.delete(&self.place(place)).await.map_err(failed) {
            Ok(()) | Err(ShelfError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn failed(error: object_store::Error) -> ShelfError {
    match error {
        object_store::Error::NotFound { .. } => ShelfError::Missing,
        error => ShelfError::Failed(error.to_string()),
    }
}
