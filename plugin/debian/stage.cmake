# Run by CPack over the files that go into the package, before they are packed: what debhelper would do to them.
set(root ${CPACK_TEMPORARY_DIRECTORY})

set(programs ${root}/usr/bin/renewalctl ${root}/usr/lib/mosquitto-cert-renewal/mosquitto_cert_renewal.so)
execute_process(COMMAND strip --strip-unneeded --remove-section=.comment --remove-section=.note ${programs}
                COMMAND_ERROR_IS_FATAL ANY)
# A plugin is loaded, not run.
file(CHMOD ${root}/usr/lib/mosquitto-cert-renewal/mosquitto_cert_renewal.so
     PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

file(GLOB compress ${root}/usr/share/man/man*/*.[1-9] ${root}/usr/share/doc/*/changelog)
execute_process(COMMAND gzip -9nf ${compress} COMMAND_ERROR_IS_FATAL ANY)

# Whatever the umask is.
execute_process(COMMAND find ${root} -type d -exec chmod 755 {} +
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND find ${root} -exec touch -h -d @$ENV{SOURCE_DATE_EPOCH} {} +
                COMMAND_ERROR_IS_FATAL ANY)
