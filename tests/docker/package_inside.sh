#!/usr/bin/env bash
# Run by package.sh in a Debian with its Mosquitto and nothing of ours: follows the README's section "On Debian" block
# by block, then removes, reinstalls, upgrades and purges the package in several orders. In /root/package: the .deb and
# the READMEs.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive HOME=/root

step() { echo "   $((SECONDS))s: $*"; }
fail() { echo "FAILED (line ${BASH_LINENO[0]}): $*" >&2; exit 1; }
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR
contains() { [[ $1 == *"$2"* ]] || fail "expected '$2' in: $1"; }
equal() { [[ $1 == "$2" ]] || fail "expected '$2', got '$1'"; }
until_true() { # SECONDS COMMAND...
  local end=$((SECONDS + $1)); shift
  until ("$@") >/dev/null 2>&1; do ((SECONDS < end)) || return 1; sleep 0.05; done
}

name=mosquitto-cert-renewal
here=/root/package
part=/etc/mosquitto/conf.d/cert-renewal.conf
keys=/etc/mosquitto/cert-renewal
journal=/var/lib/mosquitto/cert-renewal
log=/var/log/mosquitto/mosquitto.log

# What somebody at a terminal would answer.
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/assume-yes

# ---- blocks of the README ----

block() { # NAME FILE: the lines of a block, as they stand
  awk -v marker="<!-- run: $1 -->" '$0 == marker { take = 1; next } take && !/^    / { exit } take' "$2" |
    sed 's/^    //'
}
# In this shell, since what one block leaves, such as the directory that it went to, the next one finds.
run() {
  local lines; lines=$(block "$1" $here/README.md)
  [[ -n $lines ]] || fail "the README has no block '$1'"
  step "README: $1"
  eval "$lines" >/tmp/out 2>&1 </dev/null || { cat /tmp/out >&2; fail "the block '$1'"; }
}

# ---- the broker ----

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
deaf() { ! listens "$1"; }
broker_pid() { pgrep -x mosquitto | paste -sd ' '; }
broker_up() { until_true 15 listens "$1" || fail "nobody listens on port $1"; }
# The broker answers as it did before there was anything of ours: on port 1883, without a certificate.
answers_as_before() {
  broker_up 1883
  deaf 8883 || fail "somebody listens on port 8883"
  equal "$(mosquitto_rr -h localhost -t echo -e echo -m hello -W 10)" hello
}
answers_devices() {
  broker_up 8883
  until_true 15 reaches_redis || { renewalctl status >&2; fail "renewalctl gets no answer, or the plugin no Redis"; }
}
reaches_redis() { renewalctl status | grep -E '^store +connected' >/dev/null; }

# ---- what is where ----

snapshot() { # FILE: names, rights and contents
  { find /etc/mosquitto /usr -type f -print0 | sort -z | xargs -0 sha256sum
    find /etc/mosquitto /usr -printf '%M %u:%g %y %p %l\n' | sort -k4; } >"$1"
}
# as_before PATTERN: what was there is there as it was; what is new belongs to another package, or matches.
as_before() {
  local path owner
  snapshot /tmp/after
  comm -23 <(sort /tmp/before) <(sort /tmp/after) >/tmp/changed
  [[ ! -s /tmp/changed ]] || { cat /tmp/changed >&2; fail "these were otherwise before"; }
  comm -13 <(awk '{ print $4 }' /tmp/before | grep ^/ | sort) <(awk '{ print $4 }' /tmp/after | grep ^/ | sort) |
    grep -vE "^($1)$" >/tmp/new || true
  while read -r path; do
    # Packages of Debian 12 still call /usr/lib /lib.
    owner=$(dpkg -S "$path" 2>/dev/null || dpkg -S "${path#/usr}" 2>/dev/null) || fail "$path is new, and nobody's"
    [[ $owner != $name:* ]] || fail "$path is left"
  done </tmp/new
}
nothing_left() {
  local left
  left=$(find / -xdev \( -path $here -o -path /tmp -o -path /proc -o -path /var/log -o -path /var/cache \) -prune \
    -o -name '*cert*renewal*' -print)
  [[ -z $left ]] || fail "these are left: $left"
  ! dpkg-query -W $name >/dev/null 2>&1 || fail "dpkg still knows $name: $(dpkg-query -W -f '${Status}' $name)"
}
status_of() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true; }
apt_quiet() {
  apt-get -q -o Dpkg::Options::=--force-confold "$@" >/tmp/apt.log 2>&1 </dev/null ||
    { cat /tmp/apt.log >&2; fail "apt-get $*"; }
}

# ---- as it was ----

# What the init scripts need where there is no systemd: on Debian 12 the directory, and that start-stop-daemon alone
# writes the file; on Debian 13 that the broker does.
printf '#!/bin/sh\nexit 0\n' >/usr/sbin/policy-rc.d # packages may start services
install -d -o mosquitto /run/mosquitto
if grep -q make-pidfile /etc/init.d/mosquitto; then
  sed -i 's/^pid_file/#pid_file/' /etc/mosquitto/mosquitto.conf
else
  sed -i 's/^#pid_file/pid_file/' /etc/mosquitto/mosquitto.conf
fi
service mosquitto restart >/dev/null
broker_up 1883
snapshot /tmp/before

# ---- the README ----

cd $here
before=$(broker_pid)
run install
equal "$(broker_pid)" "$before" # it was left alone
[[ -z $(sed 's/#.*//' $part | tr -d ' \n') ]] || fail "$part is active"
answers_as_before
equal "$(status_of redis-server)" installed
equal "$(stat -c '%U:%G %a' $keys)" "root:mosquitto 750"
equal "$(stat -c '%U:%G %a' $journal)" "mosquitto:mosquitto 700"

step "manual pages and completion"
for page in renewalctl.1 cert-renewal.conf.5; do
  equal "$(man --warnings -E UTF-8 -Tutf8 -Z "${page##*.}" "${page%.*}" 2>&1 >/dev/null)" ""
done
contains "$(man 5 cert-renewal.conf | col -b)" "renewal_window 0% to 90%, or a time"
contains "$(bash -c '. /usr/share/bash-completion/completions/renewalctl; complete -p renewalctl')" "renewalctl"
contains "$(renewalctl version)" 0.1.0

until_true 15 redis-cli ping || fail "Redis does not run"
run redis
run certificates
run rights
equal "$(stat -c '%U %a' $keys/issuer.key)" "mosquitto 600"
run operator
run activate
run access
run restart
broker_up 8883
# The plugin connects to Redis as soon as it runs.
answers_devices
run status
cat /tmp/out
contains "$(cat /tmp/out)" "connected"
run device
block renew $here/README.md | sed 's/ -h localhost / -h broker.example /' >/tmp/renew
grep -A6 'openssl ecparam' $here/top.md | sed -n 's/^    //p' | diff /tmp/renew - ||
  fail "the main README renews a device otherwise"
run renew
openssl x509 -in new.pem -noout || { cat new.pem >&2; fail "no certificate"; }
openssl verify -CAfile ca.pem new.pem >/dev/null || fail "it does not verify"
equal "$(openssl x509 -in new.pem -noout -pubkey)" "$(openssl pkey -in new.key -pubout)"
run confirm
confirmed() { [[ $(renewalctl audit sensor-8492) == *confirmed* ]]; }
until_true 10 confirmed || fail "the new certificate was not confirmed"
[[ -s $journal/journal.jsonl ]] || fail "there is no journal"
cp $part /tmp/part # as it was made

# ---- away, and back ----

aside="$part.removed|/etc/mosquitto/cert-renewal.conf|$keys(/.*)?"
run remove
equal "$(status_of $name)" config-files
cmp $part.removed /tmp/part
[[ ! -e $part ]] || fail "$part is left"
answers_as_before
as_before "$aside"

step "again: as before it was removed"
cd $here
apt_quiet install ./$name*.deb
cmp $part /tmp/part
[[ ! -e $part.removed ]] || fail "$part.removed is left"
answers_devices
confirmed || fail "the device is not remembered"

step "an upgrade leaves the broker running, and what was edited"
dpkg-deb -R $name*.deb /tmp/newer
sed -i 's/^Version: .*/Version: 99/' /tmp/newer/DEBIAN/control
echo '# Something new.' >>/tmp/newer/etc/mosquitto/cert-renewal.conf
dpkg-deb --root-owner-group -b /tmp/newer /tmp/newer.deb >/dev/null
cp /etc/mosquitto/cert-renewal.conf /tmp/own
before=$(broker_pid)
apt_quiet install /tmp/newer.deb
equal "$(dpkg-query -W -f '${Version}' $name)" 99
equal "$(broker_pid)" "$before"
cmp $part /tmp/part
cmp /etc/mosquitto/cert-renewal.conf /tmp/own
service mosquitto restart >/dev/null
answers_devices

step "removed, and an install that fails, and one that does not"
apt_quiet remove $name
answers_as_before
mkdir -p /tmp/rival/DEBIAN /tmp/rival/usr/bin
printf '%s\n' 'Package: rival' 'Version: 1' 'Architecture: all' 'Maintainer: nobody <nobody@example.org>' \
  'Description: has renewalctl, too' >/tmp/rival/DEBIAN/control
: >/tmp/rival/usr/bin/renewalctl
dpkg-deb --root-owner-group -b /tmp/rival /tmp/rival.deb >/dev/null
dpkg -i /tmp/rival.deb >/dev/null
! dpkg -i $name*.deb >/tmp/dpkg.log 2>&1 || fail "it was installed over another package's file"
cmp $part.removed /tmp/part
[[ ! -e $part && ! -e /run/$name.put-back ]] || fail "the install that failed left $part, or its mark"
service mosquitto restart >/dev/null
answers_as_before
dpkg -P rival >/dev/null
apt_quiet install ./$name*.deb
cmp $part /tmp/part
answers_devices

step "its scripts, twice"
for arguments in "configure 0.1.0" "abort-upgrade 0.1.0" "abort-remove"; do
  before=$(broker_pid)
  for _ in 1 2; do /var/lib/dpkg/info/$name.postinst $arguments; done
  equal "$(broker_pid)" "$before"
done
/var/lib/dpkg/info/$name.preinst upgrade 0.1.0
/var/lib/dpkg/info/$name.postrm upgrade 0.1.0
cmp $part /tmp/part
apt_quiet install --reinstall ./$name*.deb
cmp $part /tmp/part
answers_devices

step "a broker that does not run is not started"
service mosquitto stop >/dev/null
until_true 15 deaf 8883 || fail "the broker does not end"
apt_quiet remove $name
[[ -z $(broker_pid) ]] || fail "the broker was started by the removal"
apt_quiet install ./$name*.deb
[[ -z $(broker_pid) ]] || fail "the broker was started by the install"

step "a link in the journal's place is not followed, and no obstacle"
mv $journal /root/journal
ln -s /root/elsewhere $journal
said=$(/var/lib/dpkg/info/$name.postinst configure 0.1.0 2>&1) || fail "it cannot be installed: $said"
contains "$said" "make $journal"
[[ ! -e /root/elsewhere ]] || fail "a link was followed"
rm $journal
mv /root/journal $journal
service mosquitto start >/dev/null
answers_devices

# ---- brokers with a configuration of their own ----

step "an acl_file decides about other topics"
cat >/etc/mosquitto/conf.d/own.conf <<END
acl_file /etc/mosquitto/own.acl
END
echo 'pattern readwrite open/#' >/etc/mosquitto/own.acl
sed -i 's/^default_access/#default_access/' /etc/mosquitto/cert-renewal.conf
service mosquitto restart >/dev/null
answers_devices
device=(-h localhost -p 8883 --cafile ca.pem --cert new.pem --key new.key -V 5 -q 1)
cd ~/sensor-8492
said=$(mosquitto_pub "${device[@]}" -t open/x -m hello 2>&1)
[[ $said != *uthori* ]] || fail "open/x: $said"
contains "$(mosquitto_pub "${device[@]}" -t closed/x -m hello 2>&1 || true)" uthori
mv new.pem old.pem; mv new.key old.key
renewalctl trigger sensor-8492 >/dev/null
run renew
openssl x509 -in new.pem -noout || { cat new.pem >&2; fail "no certificate beside an acl_file"; }
cd $here

step "per_listener_settings true is refused"
echo 'per_listener_settings true' >/etc/mosquitto/conf.d/a.conf
: >$log
service mosquitto restart >/dev/null || true
refused() { grep -q 'per_listener_settings' $log; }
until_true 15 refused || fail "the log does not say why: $(cat $log)"
until_true 15 deaf 8883 || fail "the broker runs"
grep per_listener_settings $log
rm /etc/mosquitto/conf.d/a.conf /etc/mosquitto/conf.d/own.conf /etc/mosquitto/own.acl
service mosquitto restart >/dev/null
answers_devices

step "another file that loads the plugin is named, and the broker left as it runs"
mv $part /etc/mosquitto/conf.d/own.conf
before=$(broker_pid)
apt_quiet remove $name
contains "$(cat /tmp/apt.log)" "taken out of: /etc/mosquitto/conf.d/own.conf"
equal "$(broker_pid)" "$before"
apt_quiet install ./$name*.deb
[[ ! -e $part ]] || fail "a part that was taken away came back"
mv /etc/mosquitto/conf.d/own.conf $part
answers_devices

step "where there is systemd, that is told"
mkdir -p /run/systemd/system
printf '#!/bin/sh\necho "$@" >>/tmp/told\n' >/usr/bin/systemctl
chmod 755 /usr/bin/systemctl
for change in "remove $name" "install ./$name*.deb"; do
  : >/tmp/told
  apt_quiet $change
  grep -qx 'try-restart mosquitto.service' /tmp/told || { cat /tmp/told >&2; fail "systemd was not told of: $change"; }
done
: >/tmp/told
apt_quiet install --reinstall ./$name*.deb
! grep -q restart /tmp/told || fail "an upgrade restarts the broker"
rm -r /usr/bin/systemctl /run/systemd/system
answers_devices

# ---- nothing left ----

step "removed while there is a former one and a new one"
apt_quiet remove $name
echo '# another' >$part
apt_quiet install ./$name*.deb
contains "$(cat /tmp/apt.log)" "stays $part.removed"
equal "$(cat $part)" "# another"
apt_quiet remove $name
run purge
[[ ! -e $journal && ! -e $part.removed && ! -e /etc/mosquitto/cert-renewal.conf ]] || fail "something is left"
contains "$(cat /tmp/out)" "keys and certificates in $keys are left"
[[ -s $keys/issuer.key ]] || fail "the key of the CA was deleted"
run forget
service mosquitto restart >/dev/null
answers_as_before
as_before ''
nothing_left

step "installed and purged at once, and with the broker"
apt_quiet install ./$name*.deb
rmdir $journal
mkdir /root/precious
: >/root/precious/file
ln -s /root/precious $journal
apt_quiet purge $name
[[ -e /root/precious/file && ! -L $journal ]] || fail "purge follows a link, or leaves it"
as_before ''
nothing_left
apt_quiet install ./$name*.deb
apt_quiet remove mosquitto
apt_quiet purge mosquitto
apt_quiet purge $name
nothing_left
[[ ! -e /etc/mosquitto && ! -e /var/lib/mosquitto ]] || fail "left: $(find /etc/mosquitto /var/lib/mosquitto)"
step "done"
