// Pictures go to the store by themselves: the server only says where, and for which file.

import { ApiError } from './api.js';

/** Returns the address of the file once it is there; url is the call that offers a place for it. */
export async function upload(session, url, file) {
  const offer = await session.call('POST', url, { content_type: file.type, size: file.size });
  let response;
  try {
    response = await fetch(offer.upload_url, { method: 'PUT', headers: offer.headers, body: file, credentials: 'omit' });
  } catch {
    throw new ApiError(0, 'unreachable', 'The picture can’t be uploaded: the store does not answer.');
  }
  if (!response.ok) throw new ApiError(response.status, 'upload_refused', `The store refused the picture (${response.status}).`);
  return offer.url;
}
