//! How a worker is told to stop.

use std::time::Duration;

use tokio::sync::watch;

/// Tells every holder of its [`Stop`] to stop; so does dropping it
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears when to stop
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A stopper and what hears it
pub fn stop_channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Says it; what is in hand is still finished
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it has been said
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is said
    pub async fn stopped(&mut self) {
        // An error says that the stopper is gone.
        let _ = self.0.wait_for(|is_stopped| *is_stopped).await;
    }

    /// Waits for `duration`, or until it is said; true if there is still time
    pub(crate) async fn sleep(&mut self, duration: Duration) -> bool {
        tokio::select! {
            () = self.stopped() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}
