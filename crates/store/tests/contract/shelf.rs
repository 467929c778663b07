//! A folder, and a server of the S3 protocol that checks signatures.

use std::path::PathBuf;

use futures_util::TryStreamExt as _;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use wago_store::{Bucket, Shelf, ShelfError};

/// A bucket named `files` that this key opens.
async fn service(folder: &TempDir) -> Bucket {
    // An error means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    std::fs::create_dir(folder.path().join("files")).unwrap();
    let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await
            });
        }
    });
    Bucket {
        endpoint: Some(endpoint),
        region: "us-east-1".into(),
        bucket: "files".into(),
        prefix: "wago/".into(),
        path_style: true,
        access_key: "key".into(),
        secret_key: "secret".into(),
    }
}

/// Larger than what is uploaded at a time.
fn content() -> Vec<u8> {
    (0..12_000_000_u32).map(|n| (n.wrapping_mul(n) >> 9) as u8).collect()
}

fn file(folder: &TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("content");
    std::fs::write(&path, content).unwrap();
    path
}

async fn whole(shelf: &Shelf, place: &str, part: Option<std::ops::Range<u64>>) -> Result<Vec<u8>, ShelfError> {
    let pieces: Vec<_> = shelf.get(place, part).await?.try_collect().await?;
    Ok(pieces.concat())
}

async fn keeps(shelf: &Shelf) {
    let folder = tempfile::tempdir().unwrap();
    let content = content();
    shelf.check().await.unwrap();
    let place = "1/2026/01/31/evt_1.jpg";
    assert_eq!(shelf.put(place, &file(&folder, &content)).await.unwrap(), 12_000_000);
    assert!(whole(shelf, place, None).await.unwrap() == content);
    assert!(whole(shelf, place, Some(9_000_000..9_000_100)).await.unwrap() == content[9_000_000..9_000_100]);
    assert_eq!(shelf.put(place, &file(&folder, b"again")).await.unwrap(), 5, "over what was there");
    assert_eq!(whole(shelf, place, None).await.unwrap(), b"again");
    shelf.remove(place).await.unwrap();
    shelf.remove(place).await.unwrap();
    assert!(matches!(whole(shelf, place, None).await, Err(ShelfError::Missing)));
    assert!(shelf.put(place, &folder.path().join("nothing")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_files() {
    let folder = tempfile::tempdir().unwrap();
    keeps(&Shelf::folder(&folder.path().join("made/for/it")).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_files() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = service(&folder).await;
    let shelf = Shelf::bucket(&bucket).unwrap();
    keeps(&shelf).await;
    shelf.put("1/a", &file(&folder, b"x")).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join("files/wago/1/a")).unwrap(), b"x", "under the prefix");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_refuses_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = service(&folder).await;
    let wrong = Shelf::bucket(&Bucket { secret_key: "guess".into(), ..bucket.clone() }).unwrap();
    let said = wrong.check().await.unwrap_err().to_string();
    assert!(said.contains("SignatureDoesNotMatch") || said.contains("403"), "{said}");
    assert!(!said.contains("guess"), "{said}");
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = Shelf::bucket(&Bucket { endpoint: Some(format!("http://{closed}")), ..bucket }).unwrap();
    assert!(matches!(away.check().await, Err(ShelfError::Failed(_))));
}
