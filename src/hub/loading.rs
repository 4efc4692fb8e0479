//! State that is read from the store on demand, while news of it keep coming.

/// The most news that wait for the store. Past that nobody finishes the load, most likely: who began it hung up.
pub(super) const MAX_WAITING: usize = 1_024;

/// State that takes news.
pub trait TakesNews<E> {
    /// Takes one piece of news. What the store has shown already, before it was published, changes nothing.
    fn take(&mut self, news: E);
}

/// State of type `T` that the store is asked for once, and news of type `E` that change it.
#[derive(Debug, Default)]
pub enum Loading<T, E> {
    /// The store has not been asked.
    #[default]
    Unknown,
    /// The store is being asked; news wait here.
    Asked(Vec<E>),
    /// Loaded, with all news so far.
    Known(T),
}

impl<T: TakesNews<E>, E> Loading<T, E> {
    /// Begins a load: news wait from here on.
    pub fn begin(&mut self) {
        *self = Self::Asked(Vec::new());
    }

    /// Ends a load, with the news that came meanwhile; changes nothing if the load was given up.
    pub fn finish(&mut self, mut loaded: T) {
        let Self::Asked(waiting) = std::mem::take(self) else { return };
        for news in waiting {
            loaded.take(news);
        }
        *self = Self::Known(loaded);
    }

    /// Forgets everything, so that the store is asked again.
    pub fn forget(&mut self) {
        *self = Self::Unknown;
    }

    /// Takes one piece of news.
    pub fn note(&mut self, news: E) {
        match self {
            Self::Unknown => {}
            Self::Asked(waiting) if waiting.len() < MAX_WAITING => waiting.push(news),
            Self::Asked(_) => self.forget(),
            Self::Known(known) => known.take(news),
        }
    }

    /// The state, once it is known.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unknown | Self::Asked(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl TakesNews<usize> for Vec<usize> {
        fn take(&mut self, news: usize) {
            self.push(news);
        }
    }

    #[test]
    fn news_wait_for_the_load_and_come_after_it() {
        let mut loading = Loading::<Vec<usize>, usize>::default();
        loading.note(1);
        assert_eq!(loading.known(), None);
        loading.begin();
        loading.note(3);
        loading.finish(vec![1, 2]);
        loading.note(4);
        assert_eq!(loading.known(), Some(&vec![1, 2, 3, 4]));
        loading.forget();
        loading.finish(vec![1]);
        assert_eq!(loading.known(), None, "it was forgotten meanwhile");
    }

    #[test]
    fn a_load_that_nobody_finishes_is_given_up() {
        let mut loading = Loading::<Vec<usize>, usize>::default();
        loading.begin();
        for news in 0..=MAX_WAITING {
            loading.note(news);
        }
        loading.finish(Vec::new());
        assert_eq!(loading.known(), None, "what came in between would be missing");
    }
}
