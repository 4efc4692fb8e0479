//! Posts a message and follows the room from there, through every break of the line, with nothing
//! but the standard library: `rustc follow.rs && ./follow [127.0.0.1:3000] [general]`

use std::io::{BufRead, BufReader, Result, Write};
use std::{env, net::TcpStream, thread, time::Duration};

/// Sends a request and gives back the lines of the answer.
fn ask(server: &str, head: &str, body: &str) -> Result<impl Iterator<Item = Result<String>>> {
    let mut stream = TcpStream::connect(server)?;
    // A ping comes after 15 seconds of silence: a line that is silent for longer is dead.
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "{head}\r\nHost: {server}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    Ok(BufReader::new(stream).lines())
}

/// Follows the room until the line breaks. Every event with an `id:` moves the cursor.
fn follow(server: &str, room: &str, cursor: &mut String) -> Result<()> {
    let mut id = None;
    for line in ask(server, &format!("GET {room}/stream HTTP/1.1\r\nLast-Event-ID: {cursor}"), "")? {
        let line = line?;
        if let Some(data) = line.strip_prefix("data: ") {
            if data.starts_with(r#"{"type":"chat_message""#) {
                println!("{data}");
            }
        } else if let Some(number) = line.strip_prefix("id: ") {
            id = Some(number.to_owned());
        } else if line.is_empty() {
            *cursor = id.take().unwrap_or_else(|| cursor.clone());
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let server = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".into());
    let room = format!("/api/v1/rooms/{}", arguments.next().unwrap_or_else(|| "general".into()));
    let head = format!("POST {room}/messages HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded");
    let answer: Vec<_> = ask(&server, &head, "username=Rust&content=Hello+from+Rust")?.collect::<Result<_>>()?;
    // The message's id is in its address.
    let location = answer.iter().find_map(|line| line.strip_prefix("location: ")).expect("the message is posted");
    let mut cursor = location.rsplit('/').next().unwrap_or_default().to_owned();
    println!("posted {cursor}");
    loop {
        if let Err(error) = follow(&server, &room, &mut cursor) {
            eprintln!("{error}: trying again");
        }
        thread::sleep(Duration::from_secs(1));
    }
}
