//! One set of tests for both engines. SQLite runs on a fresh file; PostgreSQL runs when `WAGO_TEST_POSTGRES` is the URL of
//! a server on which databases may be made (`.ci/postgres` starts one).

mod calls;
mod chats;
mod deliveries;
mod events;
mod fixture;
mod idempotency;
mod kept;
mod keys;
mod media;
mod messages;
mod opening;
mod outbox;
mod replay;
mod retention;
mod sessions;
mod shelf;
mod webhooks;

/// Makes each named async function a test on either engine.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::fixture::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                match crate::fixture::postgres().await {
                    Some(database) => super::$name(database).await,
                    None => println!("skipped: WAGO_TEST_POSTGRES is not set"),
                }
            })+
        }
    };
}
pub(crate) use on_both_engines;
