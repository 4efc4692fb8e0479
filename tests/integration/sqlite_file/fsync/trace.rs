//! Reads a trace of `strace -f -y`: was the write-ahead log synced between a message's write and its answer?

/// A system call: the lines at which it begins and ends.
#[derive(Debug)]
struct Call<'a> {
    thread: &'a str,
    name: &'a str,
    arguments: &'a str,
    begins: usize,
    /// Absent for a call that never came back.
    ends: Option<(usize, i64)>,
}

impl Call<'_> {
    fn is_on_log(&self) -> bool {
        let file = self.arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        file.is_some_and(|(path, _)| path.ends_with("-wal"))
    }

    fn writes_log(&self) -> bool {
        self.name.contains("write") && self.is_on_log()
    }

    /// The time of the call, if it is a sync of the log that succeeded.
    fn syncs_log(&self) -> Option<usize> {
        let is_sync = matches!(self.name, "fsync" | "fdatasync") && self.is_on_log();
        self.ends.filter(|(_, result)| is_sync && *result == 0).map(|(line, _)| line)
    }

    fn answers(&self, text: &str) -> bool {
        self.arguments.contains("HTTP/1.1 201") && self.arguments.contains(text)
    }
}

/// Checks that each message was synced before it was answered.
///
/// Of a message posted while no other was under way, the sync has to come after the last write of
/// the log before the answer, by the thread that wrote the message: another one writes the index of
/// search, which nobody is promised. Of messages posted together, the log is written for the next batch
/// while the last one is answered: there the thread that wrote the message has to have synced since.
pub(super) fn check(trace: &str, alone: &[String], together: &[String]) -> Result<(), String> {
    let calls = parse(trace);
    let each = alone.iter().map(|text| (text, true)).chain(together.iter().map(|text| (text, false)));
    for (text, is_alone) in each {
        let answer = calls.iter().find(|call| call.answers(text));
        let answered = answer.ok_or_else(|| format!("{text} is not answered in the trace"))?.begins;
        let mut writes = calls.iter().filter(|call| call.writes_log() && call.begins < answered);
        let first = writes.clone().find(|call| call.arguments.contains(text));
        let first = first.ok_or_else(|| format!("{text} is answered, but not written before"))?;
        let own = |call: &&Call<'_>| call.thread == first.thread;
        let after = if is_alone { writes.rfind(own).unwrap_or(first) } else { first };
        let (written, _) = after.ends.ok_or_else(|| format!("the write of {text} never ended"))?;
        let is_cover = |call: &&Call<'_>| {
            call.begins > written
                && call.thread == after.thread
                && call.syncs_log().is_some_and(|ended| ended < answered)
        };
        if !calls.iter().any(|call| is_cover(&call)) {
            return Err(format!(
                "{text}: no fsync of the log between its write (line {written}) and its answer (line {answered})"
            ));
        }
    }
    Ok(())
}

/// The calls of a trace. One that another thread interrupts stands on two lines: `call(… <unfinished
/// ...>` and `<... call resumed>…`.
fn parse(trace: &str) -> Vec<Call<'_>> {
    let mut calls: Vec<Call<'_>> = Vec::new();
    for (line, text) in (1..).zip(trace.lines()) {
        let Some((thread, rest)) = text.trim_start().split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let name = resumed.split(' ').next().unwrap_or_default();
            let waiting =
                calls.iter_mut().rev().find(|call| call.thread == thread && call.name == name && call.ends.is_none());
            if let Some(call) = waiting {
                call.ends = result(resumed).map(|result| (line, result));
            }
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else { continue };
        if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let ends = if rest.ends_with("<unfinished ...>") { None } else { result(rest) };
            calls.push(Call { thread, name, arguments, begins: line, ends: ends.map(|result| (line, result)) });
        }
    }
    calls
}

/// The result of a call: the number after the last `) = `.
fn result(text: &str) -> Option<i64> {
    let (_, result) = text.rsplit_once(") ")?;
    result.trim_start().strip_prefix("= ")?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::check;

    const WRITE: &str = "11 pwrite64(9</d/parlor.db-wal>, \"..hello..\", 4096, 32) = 4096";
    const LATER_WRITE: &str = "11 pwrite64(9</d/parlor.db-wal>, \"other\", 4096, 4152) = 4096";
    const SYNC: &str = "11 fsync(9</d/parlor.db-wal>) = 0";
    const ANSWER: &str =
        "12 writev(14<socket:[5]>, [{iov_base=\"HTTP/1.1 201 Created\\r\\n\"}, {iov_base=\"hello\"}], 2) = 21";

    fn verdict(lines: &[&str], is_alone: bool) -> Result<(), String> {
        let text = ["hello".to_owned()];
        let (alone, together) = if is_alone { (&text[..], &[][..]) } else { (&[][..], &text[..]) };
        check(&lines.join("\n"), alone, together)
    }

    #[test]
    fn a_sync_between_write_and_answer_is_enough() {
        assert_eq!(verdict(&[WRITE, SYNC, ANSWER], true), Ok(()));
        assert_eq!(verdict(&[WRITE, LATER_WRITE, SYNC, ANSWER], true), Ok(()));
        assert_eq!(verdict(&[WRITE, SYNC, LATER_WRITE, ANSWER], false), Ok(()));
    }

    #[test]
    fn a_missing_or_early_sync_is_found() {
        for lines in [&[WRITE, ANSWER][..], &[SYNC, WRITE, ANSWER], &[WRITE, ANSWER, SYNC]] {
            assert!(verdict(lines, true).is_err(), "{lines:?}");
            assert!(verdict(lines, false).is_err(), "{lines:?}");
        }
        assert!(verdict(&[WRITE, SYNC, LATER_WRITE, ANSWER], true).is_err());
    }

    #[test]
    fn what_another_thread_writes_is_not_part_of_the_post() {
        let of_index = "13 pwrite64(11</d/parlor.db-wal>, \"tkhello\", 4096, 4152) = 4096";
        assert_eq!(verdict(&[WRITE, SYNC, of_index, ANSWER], true), Ok(()));
        assert!(verdict(&[WRITE, of_index, ANSWER], true).is_err());
    }

    #[test]
    fn a_sync_of_something_else_or_without_success_does_not_count() {
        let other_file = "11 fsync(8</d/parlor.db>) = 0";
        let failed = "11 fsync(9</d/parlor.db-wal>) = -1 EIO (Input/output error)";
        let other_thread = "13 fsync(9</d/parlor.db-wal>) = 0";
        for sync in [other_file, failed, other_thread] {
            assert!(verdict(&[WRITE, sync, ANSWER], true).is_err(), "{sync}");
        }
    }

    #[test]
    fn a_sync_counts_when_it_has_ended() {
        let (begins, ends) = ("11 fsync(9</d/parlor.db-wal> <unfinished ...>", "11 <... fsync resumed>) = 0");
        assert_eq!(verdict(&[WRITE, begins, ends, ANSWER], true), Ok(()));
        assert!(verdict(&[WRITE, begins, ANSWER, ends], true).is_err());
    }

    #[test]
    fn an_answer_that_is_not_there_is_no_pass() {
        assert!(verdict(&[WRITE, SYNC], true).is_err());
        assert!(verdict(&[SYNC, ANSWER], true).is_err());
    }
}
