//! Acts: everything that can be done.

macro_rules! acts {
    ($($name:ident = $words:literal;)+) => {
        /// Something that can be done. Reading and changing, without the data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is named after the operation it stands for")]
        pub enum Act {
            $($name,)+
        }

        impl Act {
            /// Every act.
            pub const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$name),+];

            /// The word for it, in documents.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)+ }
            }
        }
    };
}

acts! {
    SeeOneself = "find out who one is";
    ListRooms = "list rooms, except for those one is banned from";
    ReadRoom = "read a room: its messages, search, streams";
    SeePeople = "see who is in a room, its members, and what they have read";
    MakeRoom = "make a room";
    ChangeRoom = "change what a room is called, and who may do what in it";
    Post = "post";
    Edit = "edit a message";
    Delete = "delete a message";
    React = "react to a message";
    MarkRead = "move one's own read cursor";
    CountUnread = "count what one has not read, and find one's own messages";
    Type = "say that one types";
    Attend = "be seen in a room";
    OpenDirect = "open the room of oneself and somebody else";
    Join = "join a public room";
    Leave = "leave a room";
    SetMember = "add members, and change roles below one's own";
    AddOneself = "add oneself to a room, also to a private one";
    RemoveMember = "remove members with a role below one's own";
    Ban = "ban users with a role below one's own, and end bans";
    Mute = "mute users with a role below one's own, and end that";
    SeeBans = "see who is banned";
    SeeAudit = "see what moderators did in a room";
    SeeAuditOfAll = "see what moderators and admins did anywhere";
    FindUsers = "find users; with `--directory off`, or for some rooms only, those one shares a room with";
    ChangeUser = "disable users, and sign them out";
    Register = "register";
    SignIn = "sign in";
    SignOut = "sign out";
    KeepAccount = "see and end one's sessions, change one's password, delete one's account";
    Invite = "invite people";
    ResetPassword = "let a user set a new password";
    MakeTicket = "make a ticket for a stream or a socket";
    KeepKeys = "make, list and delete one's own API keys";
    KeepBots = "make bots, and make, list and delete their API keys";
    ExtendStream = "have one's own stream or socket go on by another credential";
}

impl Act {
    /// Returns true if it begins a session: whichever credential comes with it is of no matter.
    #[must_use]
    pub const fn begins_session(self) -> bool {
        matches!(self, Self::Register | Self::SignIn)
    }

    /// Returns true if it is about accounts and what signs in: by cookie only pages of this server do that, and no others
    /// that may do the rest.
    #[must_use]
    pub const fn is_about_accounts(self) -> bool {
        matches!(
            self,
            Self::Register
                | Self::SignIn
                | Self::SignOut
                | Self::KeepAccount
                | Self::Invite
                | Self::ResetPassword
                | Self::FindUsers
                | Self::ChangeUser
                | Self::KeepKeys
                | Self::KeepBots
        )
    }

    /// Returns true if it is done in a room that is there.
    #[must_use]
    pub const fn is_in_a_room(self) -> bool {
        !matches!(
            self,
            Self::SeeOneself
                | Self::ListRooms
                | Self::MakeRoom
                | Self::OpenDirect
                | Self::SeeAuditOfAll
                | Self::FindUsers
                | Self::ChangeUser
                | Self::Register
                | Self::SignIn
                | Self::SignOut
                | Self::KeepAccount
                | Self::Invite
                | Self::ResetPassword
                | Self::MakeTicket
                | Self::ExtendStream
                | Self::KeepKeys
                | Self::KeepBots
        )
    }
}
