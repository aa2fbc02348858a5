/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Cairn authors */

#ifndef CAIRN_CZSTD_SHIM_H
#define CAIRN_CZSTD_SHIM_H

#include <zstd.h>
#include <zstd_errors.h>

#endif
