# Sourced by quickstart and check: packages, builds, progress, and one clean-up at the end.
# The caller has set TOP to the top of the tree and runs with `set -euo pipefail`.

# Debian's tools, whatever else comes first in the caller's PATH.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
POLICY=/usr/sbin/policy-rc.d
POLICY_MARK="made by millrace" # a killed run leaves its file to the next one
POLICY_IS_OURS=
APT_LOG=

say() {
	printf '%s %s\n' "$(date +%H:%M:%S)" "$*"
}

# fail WHAT HOW-TO-MEND
fail() {
	printf '\n%s: %s\n  to mend it: %s\n' "$(basename "$0")" "$1" "$2" >&2
	exit 1
}

# logged LOG COMMAND...: its output is in the log, its last line on the terminal while it runs.
logged() {
	local log=$1 line
	shift
	if [ -t 1 ]; then
		"$@" < /dev/null 2>&1 | tee -a "$log" | while IFS= read -r line; do printf '\r\033[K%.100s' "$line"; done
		printf '\r\033[K'
	else
		"$@" < /dev/null >> "$log" 2>&1
	fi
}

setup_cleanup() {
	if [ -n "$POLICY_IS_OURS" ]; then
		rm -f "$POLICY"
	fi
	[ -z "$APT_LOG" ] || rm -f "$APT_LOG"
	# DPDK makes it and leaves it empty.
	rmdir /run/dpdk 2> /dev/null || true
	# What root built in a user's clone stays the user's.
	if [ -n "${SUDO_UID:-}" ]; then
		chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$TOP"/build* 2> /dev/null || true
	fi
}

need_root() {
	[ "$(id -u)" -eq 0 ] || fail "not root; the lab makes network namespaces and taps" "sudo ./$(basename "$0")"
	[ -e /dev/net/tun ] || fail "no /dev/net/tun" "modprobe tun (in a container: --device /dev/net/tun --cap-add NET_ADMIN)"
	(: <> /dev/net/tun) 2> /dev/null || fail "/dev/net/tun cannot be opened" "in a container: --device /dev/net/tun"
	unshare --net --mount true 2> /dev/null ||
		fail "network namespaces cannot be made here" "run on a kernel with CONFIG_NET_NS (in a container: --privileged)"
}

# need_links: what the lab's wires are made of, once iproute2 is there.
need_links() {
	unshare --net sh -c 'ip link add b0 type bridge && ip link add v0 type veth peer name v1' 2> /dev/null ||
		fail "the kernel has no bridge or no veth" "modprobe bridge veth"
}

# need_debian: the packages are Debian 12's; elsewhere it may work, and nobody has tried.
need_debian() {
	local system
	system=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-unknown}") || system=unknown
	command -v apt-get > /dev/null ||
		fail "this system ($system) has no apt-get" "use Debian 12, or install what scripts/packages names and build by hand"
	case "$system" in
	"Debian GNU/Linux 12"*) ;;
	*) say "this is $system; Millrace is made for Debian 12, go on at your own risk" ;;
	esac
}

# missing_packages KIND: those of scripts/packages that are not installed; KIND is quickstart or check.
missing_packages() {
	local wanted
	wanted=$(if [ "$1" = check ]; then cat "$TOP/scripts/packages"; else sed '/^# --- check/q' "$TOP/scripts/packages"; fi |
		grep -v '^#' | grep .)
	comm -23 <(sort <<< "$wanted") \
		<(dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u)
}

# Debian starts a service when its package is installed, unless this file says no.
forbid_services() {
	if [ -e "$POLICY" ] && ! grep -q "$POLICY_MARK" "$POLICY"; then
		say "$POLICY exists: its policy decides whether installed services start"
		return
	fi
	POLICY_IS_OURS=yes
	printf '#!/bin/sh\n# %s; removed when its packages are installed\nexit 101\n' "$POLICY_MARK" > "$POLICY"
	chmod +x "$POLICY"
}

allow_services() {
	if [ -n "$POLICY_IS_OURS" ]; then
		rm -f "$POLICY"
		POLICY_IS_OURS=
	fi
}

# fail_apt PACKAGES: apt's first error says most; the log stays.
fail_apt() {
	local log=$APT_LOG mend="apt-get install --no-install-recommends $1"
	APT_LOG=
	if grep -q 'dpkg --configure -a' "$log"; then
		mend="dpkg --configure -a (an installation was interrupted), then this again"
	elif grep -q 'Failed to fetch' "$log"; then
		mend="see to the network, the mirror in /etc/apt/sources.list* and apt's proxy, or install by other means: $1"
	elif grep -q 'Unable to locate package' "$log"; then
		mend="see that /etc/apt/sources.list* has Debian 12 (bookworm) main, then apt-get update"
	fi
	fail "packages could not be installed: $(grep -m 1 '^E:' "$log" || tail -n 1 "$log") (whole log: $log)" "$mend"
}

# install_packages KIND
install_packages() {
	local missing
	missing=$(missing_packages "$1" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	say "installing $missing"
	forbid_services
	APT_LOG=/tmp/millrace-apt.$$.log
	export DEBIAN_FRONTEND=noninteractive
	logged "$APT_LOG" apt-get update -o APT::Update::Error-Mode=any ||
		say "apt-get update failed (no network?); trying with what is known"
	# shellcheck disable=SC2086 # a list of words
	logged "$APT_LOG" apt-get install -y --no-install-recommends $missing || fail_apt "$missing"
	rm -f "$APT_LOG"
	allow_services
	# A fresh xl2tpd would start with the next boot of this machine; its client in the lab needs no service.
	case " $missing" in
	*" xl2tpd "*) [ ! -d /run/systemd/system ] || systemctl --quiet disable xl2tpd ;;
	esac
}

# build_tree DIRECTORY TARGETS MESON-OPTIONS...: configures once, then builds; its log is DIRECTORY.log.
build_tree() {
	local tree=$TOP/$1 log=$TOP/$1.log targets
	read -ra targets <<< "$2"
	shift 2
	say "building ${tree#"$TOP"/}"
	: > "$log"
	if [ ! -f "$tree/build.ninja" ]; then
		logged "$log" meson setup "$tree" "$TOP" "$@" ||
			{ tail -n 30 "$log"; fail "configuring $tree failed" "read $log; remove $tree when its compiler has gone"; }
	fi
	logged "$log" ninja -C "$tree" "${targets[@]}" ||
		{ grep -E -A 8 '^FAILED|error:' "$log" | head -n 40; fail "building $tree failed" "read $log"; }
}
