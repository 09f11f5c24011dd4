# What the service needs beside its programs, and the packages of it.
# The units name the programs where this installation puts them: known when it is done.
set(units ${PROJECT_SOURCE_DIR}/systemd/miraged.service
    ${PROJECT_SOURCE_DIR}/systemd/mirage-broker.service
    ${PROJECT_SOURCE_DIR}/systemd/mirage-train.service
    ${PROJECT_SOURCE_DIR}/systemd/mirage-train.timer)
install(CODE "
    foreach(unit IN ITEMS ${units})
        get_filename_component(name \${unit} NAME)
        file(READ \${unit} text)
        string(REPLACE /usr/sbin/ \${CMAKE_INSTALL_PREFIX}/sbin/ text \"\${text}\")
        string(REPLACE /usr/bin/ \${CMAKE_INSTALL_PREFIX}/bin/ text \"\${text}\")
        file(WRITE ${PROJECT_BINARY_DIR}/units/\${name} \"\${text}\")
        file(INSTALL ${PROJECT_BINARY_DIR}/units/\${name} TYPE FILE
            DESTINATION \${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
    endforeach()")
install(FILES systemd/mirage.sysusers RENAME mirage.conf DESTINATION lib/sysusers.d)
install(FILES systemd/mirage.tmpfiles RENAME mirage.conf DESTINATION lib/tmpfiles.d)

# The example is written from the same table that reads it.
set(example ${PROJECT_BINARY_DIR}/mirage.conf)
add_custom_command(OUTPUT ${example} DEPENDS miraged
    COMMAND $<TARGET_FILE:miraged> --example > ${example} VERBATIM)
add_custom_target(example ALL DEPENDS ${example})
# The programs look in /etc; what an admin has written there stays.
install(CODE "
    set(etc \${CMAKE_INSTALL_PREFIX}/etc)
    if(CMAKE_INSTALL_PREFIX MATCHES \"^/usr(/local)?$\")
        set(etc /etc)
    endif()
    if(NOT EXISTS \"\$ENV{DESTDIR}\${etc}/mirage/mirage.conf\")
        file(INSTALL ${example} DESTINATION \${etc}/mirage TYPE FILE)
    endif()")

install(FILES README.md LICENSE systemd/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_NAME mirage)
set(CPACK_PACKAGE_VENDOR "The Mirage authors")
set(CPACK_PACKAGE_CONTACT "The Mirage authors <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Submits successors of chained Slurm jobs early")
set(CPACK_PACKAGE_DESCRIPTION
"Work that never fits a time limit runs as a chain of jobs. Mirage predicts how
long the next job of a chain would wait in the queue, and submits it just early
enough. It decides beside slurmctld: if it stops, jobs go on as without it.
After installation it only observes.")
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "munge, slurm-client")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/systemd/debian/postinst
    ${PROJECT_SOURCE_DIR}/systemd/debian/prerm
    ${PROJECT_SOURCE_DIR}/systemd/debian/postrm
    ${PROJECT_SOURCE_DIR}/systemd/debian/conffiles)
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_PACKAGE_DESCRIPTION "${CPACK_PACKAGE_DESCRIPTION}")
set(CPACK_RPM_PACKAGE_LICENSE "GPL-3.0-or-later")
set(CPACK_RPM_PACKAGE_AUTOREQ ON)
set(CPACK_RPM_USER_FILELIST "%config(noreplace) /etc/mirage/mirage.conf")
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /etc /usr/lib /usr/lib/systemd /usr/lib/systemd/system /usr/lib/sysusers.d /usr/lib/tmpfiles.d
    /usr/sbin /usr/bin /usr/share/man /usr/share/man/man1 /usr/share/man/man5 /usr/share/man/man8
    /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/doc)
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${PROJECT_SOURCE_DIR}/systemd/rpm/post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${PROJECT_SOURCE_DIR}/systemd/rpm/preun)
include(CPack)
