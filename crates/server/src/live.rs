//! Live events: one listener on the database feeds every open console.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use contract::LiveEvent;
use db::Database;
use db::live::{LiveListener, LiveNotice};
use db::sessions::TokenHash;
use futures_util::stream::{self, Stream};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use uuid::Uuid;

use crate::{AppState, session};

const RECONNECT_AFTER: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A session that has ended is noticed within this time
const RECHECK: Duration = Duration::from_secs(30);

/// What to send to readers that may have missed something: they fetch it all
const MISSED: [LiveEvent; 4] = [LiveEvent::Judgments, LiveEvent::Queues, LiveEvent::Cases, LiveEvent::Alerts];

/// Passes on what the database notifies, forever; connects again when it has gone away
pub(crate) async fn relay(db: Database, readers: broadcast::Sender<LiveNotice>) {
    let announce_missed = || {
        for event in MISSED {
            // Nobody may be reading.
            let _ = readers.send(LiveNotice { org_id: None, event });
        }
    };
    loop {
        let lost = match LiveListener::connect(&db).await {
            Ok(mut listener) => {
                announce_missed();
                loop {
                    match listener.next().await {
                        Ok(Some(notice)) => {
                            let _ = readers.send(notice);
                        }
                        Ok(None) => announce_missed(),
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        tracing::warn!(error = %lost, "live_events_interrupted");
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

/// One console's view of the relay
struct Reader {
    app: AppState,
    token: TokenHash,
    org_id: Uuid,
    notices: broadcast::Receiver<LiveNotice>,
    ending: watch::Receiver<bool>,
    recheck: Interval,
    waiting: VecDeque<LiveEvent>,
}

/// The events of one organisation, until the session ends or moves to another, or the server ends
pub(crate) fn events(
    app: AppState,
    token: TokenHash,
    org_id: Uuid,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut recheck = tokio::time::interval_at(Instant::now() + RECHECK, RECHECK);
    recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reader = Reader {
        notices: app.live.subscribe(),
        ending: app.ending.clone(),
        app,
        token,
        org_id,
        recheck,
        waiting: VecDeque::new(),
    };
    let events = stream::unfold(reader, |mut reader| async {
        let event = reader.next().await?;
        // Each of these is plain data, which always has a JSON form.
        let event = Event::default().json_data(event).unwrap_or_default();
        Some((Ok(event), reader))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

impl Reader {
    async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            tokio::select! {
                () = ended(&mut self.ending) => return None,
                _ = self.recheck.tick() => match session::find(&self.app, &self.token).await {
                    Ok(Some(signed_in)) if signed_in.org_id == self.org_id => {}
                    // While the database is away, nothing is sent anyway.
                    Err(_) => {}
                    Ok(_) => return None,
                },
                notice = self.notices.recv() => match notice {
                    Ok(notice) => {
                        if notice.org_id.is_none_or(|org_id| org_id == self.org_id) {
                            return Some(notice.event);
                        }
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => self.waiting.extend(MISSED),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            }
        }
    }
}

/// Waits until the server is told to end
pub(crate) async fn ended(ending: &mut watch::Receiver<bool>) {
    // Fails only where the server is gone.
    let _ = ending.wait_for(|is_ending| *is_ending).await;
}
