//! What may follow an edit a moment later than the figures that a person watches while dragging.

use super::clock;
use leptos::prelude::*;
use std::time::Duration;

/// Without an edit for so long, the hand rests. Longer than the slowest frame of a drag, which would else seem one.
const REST: Duration = Duration::from_millis(200);
/// A drag that does not rest is followed about so often: each time costs the drag a frame or two.
const AT_LATEST_MS: f64 = 1500.0;

/// Follows `source` when edits rest, and every second and a half while they do not
///
/// A drag edits with every frame. What is computed and drawn within the frame reads `source`; the pictures,
/// lists and studies beside it read this, so that they cost the drag a frame now and then rather than each one.
pub fn settled<T>(source: Memo<T>) -> ReadSignal<T>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let (shown, show) = signal(source.get_untracked());
    let waits_since = StoredValue::new(None::<f64>);
    let follow = move || {
        let _ = waits_since.try_set_value(None);
        // The page may be gone.
        if let Some(newest) = source.try_get_untracked() {
            show.try_maybe_update(|shown| {
                let is_new = *shown != newest;
                *shown = newest;
                (is_new, ())
            });
        }
    };
    let mut rests = debounce(REST, move |()| {
        if waits_since.try_get_value().flatten().is_some() {
            follow();
        }
    });
    Effect::new(move |previous: Option<()>| {
        source.track();
        if previous.is_none() {
            return;
        }
        let now = clock::stopwatch();
        match waits_since.get_value() {
            // Behind the frame that shows the edit.
            Some(since) if now - since > AT_LATEST_MS => {
                waits_since.set_value(Some(now));
                set_timeout(follow, Duration::ZERO);
            }
            Some(_) => {}
            None => waits_since.set_value(Some(now)),
        }
        rests(());
    });
    shown
}
