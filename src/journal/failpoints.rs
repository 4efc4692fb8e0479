//! Points of a batch at which a test stops a journal. In the program there are none.

/// A place in a batch at which it can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// It has its rooms.
    Locked,
    /// All is written.
    BeforeCommit,
    /// It is committed.
    AfterCommit,
    /// The next thing is that readers get it.
    BeforePublish,
    /// Readers have it.
    BeforeAnswer,
}

#[cfg(not(test))]
mod none {
    /// Stops nobody.
    #[derive(Debug, Default)]
    pub(in super::super) struct Failpoints;

    impl Failpoints {
        /// Goes on.
        #[expect(clippy::unused_async, reason = "it is the same call where tests stop a journal")]
        pub(in super::super) async fn reach(&self, _point: super::Point) {}
    }
}

#[cfg(not(test))]
pub(super) use none::Failpoints;
#[cfg(test)]
pub(super) use some::Failpoints;

#[cfg(not(test))]
impl Failpoints {
    /// Those of a journal that is made.
    pub(super) fn of_next() -> Self {
        Self
    }
}

#[cfg(test)]
mod some {
    use std::{
        cell::RefCell,
        sync::{Arc, Mutex},
    };

    use tokio::sync::oneshot;

    use super::Point;

    thread_local! {
        /// Those of the next journal that this thread makes.
        static NEXT: RefCell<Failpoints> = RefCell::default();
    }

    /// The stops that a test wants of a journal. Cheap to clone.
    #[derive(Debug, Clone, Default)]
    pub(in super::super) struct Failpoints(Arc<Mutex<Vec<Stop>>>);

    #[derive(Debug)]
    struct Stop {
        point: Point,
        reached: oneshot::Sender<()>,
        go_on: oneshot::Receiver<()>,
    }

    /// A journal that stops at a point, until this is dropped.
    #[derive(Debug)]
    pub(in super::super) struct Stopped {
        reached: oneshot::Receiver<()>,
        _go_on: oneshot::Sender<()>,
    }

    impl Failpoints {
        /// Those of a journal that is made.
        pub(in super::super) fn of_next() -> Self {
            NEXT.take()
        }

        /// The next journal that this thread makes has these.
        pub(in super::super) fn set_next(&self) {
            NEXT.set(self.clone());
        }

        /// Has the journal stop once when next it comes to a point.
        pub(in super::super) fn stop_at(&self, point: Point) -> Stopped {
            let ((reached, is_reached), (go_on, goes_on)) = (oneshot::channel(), oneshot::channel());
            self.0.lock().unwrap().push(Stop { point, reached, go_on: goes_on });
            Stopped { reached: is_reached, _go_on: go_on }
        }

        /// Stops here, if a test wants it.
        pub(in super::super) async fn reach(&self, point: Point) {
            let stop = {
                let mut stops = self.0.lock().unwrap();
                stops.iter().position(|stop| stop.point == point).map(|at| stops.remove(at))
            };
            if let Some(stop) = stop {
                let _ = stop.reached.send(());
                let _ = stop.go_on.await;
            }
        }
    }

    impl Stopped {
        /// Waits until the journal is there.
        pub(in super::super) async fn reached(&mut self) {
            (&mut self.reached).await.expect("the journal lives");
        }
    }
}
