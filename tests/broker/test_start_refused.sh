# What must keep the broker from starting, and that it says why: every mistake of the configuration at once, with its
# line; per_listener_settings; the plugin named twice; its option missing or unknown; a key that others can read.
. "$(dirname "$0")/lib.sh"
world_make

step "every mistake at once"
PLUGIN_EXTRA=$'wrokers 3\nredis_timeout 5\nworkers 2\nworkers 3\nlifetime 5d'
SLOT_EXTRA=$'lifetime soon'
broker_start_refused "plugin.conf:8: there is no key wrokers; did you mean workers?" \
  "plugin.conf:9: redis_timeout must be a time" "plugin.conf:11: workers is given twice, first in line 10" \
  "plugin.conf:12: lifetime belongs to a slot" "plugin.conf:14: lifetime must be a time" "not started"
PLUGIN_EXTRA='' SLOT_EXTRA=''

step "files that are missing or wrong, also all at once"
mv "$T/pki/chain.pem" "$T/pki/chain.away"
chmod 644 "$T/pki/issuer.key"
broker_start_refused "$T/pki/chain.pem" "$T/pki/issuer.key"
mv "$T/pki/chain.away" "$T/pki/chain.pem"
broker_start_refused "$T/pki/issuer.key"
chmod 600 "$T/pki/issuer.key"
cp "$T/pki/server.key" "$T/pki/other.key"
PLUGIN_EXTRA="trusted_cafile $T/pki/server.pem"
broker_start_refused "$T/pki/server.pem"

step "a list of weak keys that is missing, or none"
PLUGIN_EXTRA="weak_keys_file $T/weak"
broker_start_refused "weak_keys_file $T/weak: No such file or directory"
printf '# comment\n00005890bc78bcbee3ca\nModulus=00\n' >"$T/weak"
chmod 644 "$T/pki/issuer.key"
broker_start_refused "weak_keys_file $T/weak:3: must be 20 lower-case hex digits" "$T/pki/issuer.key"
chmod 600 "$T/pki/issuer.key"
PLUGIN_EXTRA=''

step "places for CRLs that are none"
touch "$T/file"
PLUGIN_EXTRA="crl_file $T/nowhere/all.pem"$'\n'"crl_dir $T/file"$'\n'"crl_include $T/nothing.pem"
broker_start_refused "crl_file $T/nowhere/all.pem: make its directory first" "crl_dir $T/file: that is no directory" \
  "crl_include $T/nothing.pem: No such file or directory"
PLUGIN_EXTRA=''

step "the option"
plugin_conf
PORT=1 broker_conf
CONF_AS_IS=1
sed -i "s|^plugin_opt_config_file .*||; s|^listener .*|listener $PORT 127.0.0.1|" "$T/mosquitto.conf"
broker_start_refused "plugin_opt_config_file is missing"
echo "plugin_opt_config_file /nonexistent/file.conf" >>"$T/mosquitto.conf"
broker_start_refused "/nonexistent/file.conf: cannot be opened: No such file or directory"
echo "plugin_opt_colour green" >>"$T/mosquitto.conf"
broker_start_refused "plugin_opt_colour: the only option is plugin_opt_config_file"
CONF_AS_IS=''

step "per_listener_settings, in the file itself and in its include_dir"
plugin_conf
broker_conf
CONF_AS_IS=1
# With that setting 2.1 wants allow_anonymous below a listener.
{ grep -v allow_anonymous "$T/mosquitto.conf"; echo "allow_anonymous true"; } >"$T/plain.conf"
{ echo "per_listener_settings true"; cat "$T/plain.conf"; } >"$T/mosquitto.conf"
broker_start_refused "per_listener_settings true is not supported"
mkdir "$T/conf.d"
echo "per_listener_settings true" >"$T/conf.d/listeners.conf"
{ echo "include_dir $T/conf.d"; cat "$T/plain.conf"; } >"$T/mosquitto.conf"
broker_start_refused "per_listener_settings true is not supported"
CONF_AS_IS=''

step "the plugin twice, by the same path and by another"
BROKER_EXTRA="plugin $CR_PLUGIN
plugin_opt_config_file $T/plugin.conf"
broker_start_refused "the plugin is already loaded"
cp "$CR_PLUGIN" "$T/copy.so"
BROKER_EXTRA="plugin $T/copy.so
plugin_opt_config_file $T/plugin.conf"
broker_start_refused "already loaded"
BROKER_EXTRA=''

step "a journal that cannot be"
echo "a file" >"$T/journal-file"
PLUGIN_EXTRA=''
plugin_conf
broker_conf
sed -i "s|^journal_dir .*|journal_dir $T/journal-file|" "$T/plugin.conf"
CONF_AS_IS=1 broker_start_refused "plugin.conf: The journal"

step "and all well again"
broker_start
expect_log "is ready"
world_end
