//! Passwords by the command line: read from standard input, never from the arguments.

use crate::support::{
    Server,
    browser::{Browser, PASSWORD},
    server::complaint,
    users::Operator,
};

#[tokio::test]
async fn a_password_of_the_command_line_signs_in() {
    let server = Server::builder().arg("--auth").arg("required").arg("--accounts").arg("invite").start().await;
    let operator = Operator::of(&server);
    let add = |name: &str, input: &str| operator.run_with_input(&["user", "add", name, "--password-stdin"], input);
    let made = add("Alice", &format!("{PASSWORD}\n"));
    assert_eq!((made.status.code(), &*made.stdout), (Some(0), &b""[..]));
    let browser = Browser::of(&server);
    browser.sign_in("Alice", PASSWORD).await;

    // What ends the line is no part of it, and what follows is not looked at.
    let set = |input: &str| operator.run_with_input(&["user", "password", "alice", "--password-stdin"], input);
    let changed = set("another long password\r\nmore\n");
    let said = String::from_utf8_lossy(&changed.stderr).into_owned();
    assert_eq!((changed.status.code(), said.contains("alice has the password")), (Some(0), true), "{said}");
    assert_eq!(browser.username().await, serde_json::Value::Null, "browsers are signed out");
    browser.sign_in("Alice", "another long password").await;

    for (input, why) in
        [("", "at least 10"), ("\n", "at least 10"), ("short", "at least 10"), ("1234567890", "the password is one of")]
    {
        let said = complaint(&set(input), 1);
        assert!(said.contains(why), "{said}");
    }
    let said = complaint(&add("Bob", "short\n"), 1);
    assert!(said.contains("at least 10") && !said.contains("the password: a password"), "{said}");
    let users = operator.list(&["user", "list"]);
    assert!(users.iter().all(|user| user["username"] != "Bob"), "nobody is made without the password: {users:?}");
    let unasked = complaint(&operator.run_with_input(&["user", "password", "alice"], PASSWORD), 1);
    assert!(unasked.contains("--password-stdin"), "{unasked}");
    let unknown = complaint(&operator.run_with_input(&["user", "password", "nobody", "--password-stdin"], PASSWORD), 1);
    assert!(unknown.contains("no user nobody"), "{unknown}");
    operator.add_user(&["robot", "--bot"]);
    let robot = complaint(&operator.run_with_input(&["user", "password", "robot", "--password-stdin"], PASSWORD), 1);
    assert!(robot.contains("nobody signs in"), "{robot}");
}
