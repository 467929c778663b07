//! The files of recordings. They are written beside the database, and put on the shelf once they are whole, if there is one.

use std::{path::PathBuf, time::Duration};

use wago_calls::Recorded;
use wago_store::{Error, Recording};

use crate::app::App;

/// How often is looked for what is too old, and for what the shelf did not take before.
const PERIOD: Duration = Duration::from_secs(600);

pub(crate) fn file(app: &App, recording: &Recording) -> PathBuf {
    app.calls.recordings.join(format!("{}.{}", recording.id, recording.format))
}

/// Its file is whole.
pub(crate) async fn finish(app: &App, mut recording: Recording, recorded: Recorded) -> Result<(), Error> {
    let now = app.now_ms();
    app.store.end_recording(&recording.id, now, recorded.duration_ms, recorded.bytes).await?;
    recording.bytes = recorded.bytes;
    shelve(app, &recording).await
}

/// What is not taken now is tried again later.
async fn shelve(app: &App, recording: &Recording) -> Result<(), Error> {
    let Some(shelf) = &app.shelf else { return Ok(()) };
    let (here, place) = (file(app, recording), format!("{}/recordings/{}", recording.session.0, recording.id));
    match shelf.put(&place, &here).await {
        Ok(_) => {
            app.store.shelve_recording(&recording.id, &place).await?;
            // A copy that stays behind does no harm.
            let _ = std::fs::remove_file(here);
        }
        Err(error) => tracing::warn!(recording = recording.id, %error, "a recording is not on the shelf yet"),
    }
    Ok(())
}

/// Finishes what an end of the gateway cut off; then puts away what is whole and removes what is too old, at once and every
/// ten minutes. Never ends.
pub async fn look_after(app: App) {
    if let Err(error) = mend(&app).await {
        tracing::error!(%error, "recordings that were cut off could not be finished");
    }
    loop {
        if let Err(error) = sweep(&app).await {
            tracing::error!(%error, "recordings could not be looked after");
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// A file is whole up to where it was cut off.
async fn mend(app: &App) -> Result<(), Error> {
    let begun = app.now_ms();
    loop {
        let cut = app.store.unfinished_recordings(begun).await?;
        if cut.is_empty() {
            return Ok(());
        }
        for recording in cut {
            cut_off(app, &recording).await?;
        }
    }
}

/// It ended where its file does.
pub(crate) async fn cut_off(app: &App, recording: &Recording) -> Result<(), Error> {
    let path = file(app, recording);
    let found = tokio::task::spawn_blocking(move || Recorded::found(&path).ok()).await.ok().flatten();
    let (duration_ms, bytes) = found.map_or((0, 0), |found| (found.duration_ms, found.bytes));
    let ended = recording.started_at.saturating_add_unsigned(duration_ms);
    app.store.end_recording(&recording.id, ended, duration_ms, bytes).await
}

async fn sweep(app: &App) -> Result<(), Error> {
    let age = app.calls.recording_age.map_or(i64::MAX, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let before = app.now_ms().saturating_sub(age);
    loop {
        let old = app.store.old_recordings(before).await?;
        if old.is_empty() {
            break;
        }
        for recording in old {
            remove(app, &recording).await?;
        }
    }
    if app.shelf.is_some() {
        for recording in app.store.unshelved_recordings(app.now_ms()).await? {
            shelve(app, &recording).await?;
        }
    }
    Ok(())
}

/// The file first: without its row nobody would look for it.
pub(crate) async fn remove(app: &App, recording: &Recording) -> Result<(), Error> {
    // What is not there is as good as removed.
    let _ = std::fs::remove_file(file(app, recording));
    if let (Some(place), Some(shelf)) = (&recording.place, &app.shelf)
        && let Err(error) = shelf.remove(place).await
    {
        tracing::warn!(recording = recording.id, %error, "a recording stays on the shelf");
    }
    app.store.delete_recording(recording.session, &recording.id).await?;
    Ok(())
}
