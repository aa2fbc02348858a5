/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Cairn authors */

#ifndef CAIRN_CBCRYPT_SHIM_H
#define CAIRN_CBCRYPT_SHIM_H

#include <crypt.h>

#endif
