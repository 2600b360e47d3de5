/* scripts: the Lua texts of scripts/, most with slot.lua before them. Generated when building; constant. */
#ifndef CR_SCRIPTS_H
#define CR_SCRIPTS_H

enum cr_script {
    CR_SCRIPT_PRESENT,
    CR_SCRIPT_BEGIN,
    CR_SCRIPT_RECORD,
    CR_SCRIPT_READ,
    CR_SCRIPT_TRIGGER,
    CR_SCRIPT_REPORT,
    CR_SCRIPT_RESTORE,
    CR_SCRIPT_AGENDA,
    CR_SCRIPT_ADVANCE,
    CR_SCRIPT_PACE,
    CR_SCRIPT_POLICY,
    CR_SCRIPT_LOOK,
    CR_SCRIPT_LIST,
    CR_SCRIPT_STEER,
    CR_SCRIPT_CAMPAIGN,
    CR_SCRIPT_COUNTS,
    CR_SCRIPT_SURVEY,
    CR_SCRIPT_SURVEY_KEEP,
    CR_SCRIPT_REVOKE,
    CR_SCRIPT_REVOKED,
    CR_SCRIPT_REVOKED_PAGE,
    CR_SCRIPT_CENSUS,
    CR_SCRIPT_BUNDLE,
    CR_SCRIPT_CONFIRM,
    CR_SCRIPT_CRL,
    CR_SCRIPT_ENROL,
    CR_SCRIPT_COUNT
};

extern const char *const cr_script_text[CR_SCRIPT_COUNT];

#endif
