//! Following a session's log from a cursor on. Stored and live events are read in the same way, so that there is no seam
//! between them at which one could be missed or doubled.

use tokio::sync::watch;
use wago_store::{Error, EventFilter, EventPage, SessionId, Store};

/// A place in a session's log.
pub struct Tail {
    store: Store,
    session: SessionId,
    filter: EventFilter,
    cursor: i64,
    /// That events were lost has been told.
    gap: bool,
    recorded: watch::Receiver<i64>,
}

impl Tail {
    /// From behind the cursor; `None`: from now on.
    pub async fn new(store: Store, session: SessionId, filter: EventFilter, after: Option<i64>) -> Result<Self, Error> {
        // Before the look at the log, so that what is recorded from here on is told.
        let recorded = store.watch_events(session);
        let cursor = match after {
            Some(after) => after,
            None => store.last_cursor(session).await?,
        };
        Ok(Self { store, session, filter, cursor, gap: false, recorded })
    }

    /// The cursor of the last event given, or passed over by the filter.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// The next events, oldest first, from one to `max`; waits for them. `gap` is set once when retention has removed
    /// events behind a cursor that was reached before, maybe with no events beside it. Can be dropped while it waits.
    pub async fn next(&mut self, max: u64) -> Result<EventPage, Error> {
        loop {
            self.recorded.mark_unchanged();
            let mut page = self.store.events_after(self.session, self.cursor, max, &self.filter).await?;
            let gap = page.gap && self.cursor > 0;
            page.gap = gap && !self.gap;
            (self.gap, self.cursor) = (gap, page.next);
            if page.gap || !page.events.is_empty() {
                return Ok(page);
            }
            if page.end && self.recorded.changed().await.is_err() {
                return Err(Error::Closed);
            }
        }
    }
}
