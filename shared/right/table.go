package right

// Action is something that not everybody may do. The zero Action is nothing that anybody may do.
type Action uint8

// The actions. Several routes and commands may be one action.
const (
	SignIn      Action = iota + 1 // register, log in, refresh, log out; public keys
	Look                          // at rooms, their messages and viewers, gifts, statistics, profiles
	Watch                         // over a socket
	Join                          // over HTTP
	Speak                         // danmu and likes
	Give                          // gifts
	SeePresence                   // where users are
	KeepAccount                   // one's own profile
	KeepWallet                    // one's own coins
	SeeOrder                      // of a gift
	OpenRoom
	RunRoom       // title, cover, start and stop
	Moderate      // mute, ban, kick, delete; read what moderators did
	Configure     // slow mode, blocked words, display rate
	Appoint       // moderators
	SpeakFreely   // past rates and slow mode
	TopUp         // others' wallets
	PayIn         // the same, by the payment provider, which signs what it sends instead of showing a token
	Refund        // orders
	EditCatalogue // of gifts
	Reconcile     // all accounts
	actions
)

type rule struct {
	parties Party
	scope   Scope // lets a server do it, too; empty: no server may
}

// rule is the table.
func (a Action) rule() rule {
	const (
		signedIn   = Viewer
		anyone     = Guest | signedIn | Service
		moderators = Moderator | Anchor | Admin
	)
	if a >= actions {
		return rule{}
	}
	return [actions]rule{
		SignIn: {parties: Nobody | anyone},
		Look:   {parties: anyone},
		Watch:  {parties: Guest | signedIn},
		Join:   {parties: signedIn},
		Speak:  {parties: signedIn},
		Give:   {parties: signedIn},

		SeePresence: {parties: signedIn, scope: ReadPresence},
		KeepAccount: {parties: Owner},
		KeepWallet:  {parties: Owner},
		SeeOrder:    {parties: Owner | Admin},

		OpenRoom:    {parties: signedIn},
		RunRoom:     {parties: Anchor | Admin},
		Moderate:    {parties: moderators, scope: ModerateRooms},
		Configure:   {parties: moderators, scope: ModerateRooms},
		Appoint:     {parties: Anchor | Admin},
		SpeakFreely: {parties: moderators},

		TopUp:         {parties: Admin, scope: TopUpWallets},
		PayIn:         {parties: anyone},
		Refund:        {parties: Admin},
		EditCatalogue: {parties: Admin},
		Reconcile:     {parties: Admin, scope: AuditWallets},
	}[a]
}

// Open reports whether the action is for all, so that a token need not even be looked at.
func (a Action) Open() bool { return a.rule().parties&Nobody != 0 }

// Anonymous reports whether no token is needed; one that is given must be valid all the same.
func (a Action) Anonymous() bool { return a.rule().parties&Guest != 0 }

// Known reports whether the action is in the table.
func (a Action) Known() bool { return a.rule().parties != 0 }
